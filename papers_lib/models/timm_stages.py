"""A network of timm without its classifier, cut into named stages that run one after the other.

    EfficientNet and -Lite   stem, blocks_0 ... blocks_6, conv_head
    ResNet                   stem, layer1, layer2, layer3, layer4
    any other network        backbone

The stages together compute the network's ``forward_features``; names of an nn.Sequential hold no dots.
"""

from collections import OrderedDict
from difflib import get_close_matches

import torch
from torch import Tensor, nn

from papers_lib.errors import UserError


def timm_network(name: str, *, pretrained: bool, seed: int) -> nn.Module:
    """timm's network ``name`` without a classifier, in training mode; torch's global generator is left alone.

    Args: name, that of an architecture, with or without a tag; pretrained, take the weights of timm's hub
    from the local cache or the network; seed, of the random initial weights.
    Raises: UserError for a name that timm does not know, or weights that are absent or out of reach.
    """
    from papers_lib.models import torchvision_ops  # noqa: F401  (before timm)

    import timm  # isort: skip

    if not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), 3)
        raise UserError(
            f"backbone: timm has no network {name!r}" + (f"; near it {', '.join(near)}" if near else "")
        )
    try:
        with torch.random.fork_rng(devices=[]):  # timm initialises from torch's global generator
            torch.default_generator.manual_seed(seed)
            return timm.create_model(name, pretrained=pretrained, num_classes=0)
    except OSError as error:
        raise UserError(
            f"backbone: the weights of {name} are neither in timm's local cache nor within reach; set weights "
            f"to 'packaged' or 'random', or fill the cache first ({type(error).__name__})"
        ) from error
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"backbone: timm cannot make {name} with these weights ({reason})") from error


def timm_stages(network: nn.Module) -> tuple[OrderedDict[str, nn.Module], int]:
    """The layers of ``forward_features`` in named stages, and the number of channels that the last one gives.

    The stages hold the network's own layers. Raises: UserError for a network that gives no maps (B, C, h, w).
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
    shape = _shape_of_maps(backbone)
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


def _shape_of_maps(backbone: _ForwardFeatures) -> tuple[int, ...]:
    """Shape for one image of the network's own size, found without touching its batch-norm statistics."""
    size = backbone.network.pretrained_cfg["input_size"]  # type: ignore[index]
    mode = backbone.training
    with torch.no_grad():
        shape = tuple(backbone.eval()(torch.zeros(1, *size)).shape)
    backbone.train(mode)
    return shape
