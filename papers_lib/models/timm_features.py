"""A network of timm that gives the features of its stages, and the package's weights in it."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from papers_lib.errors import UserError
from papers_lib.models.packaged_weights import renamed

# What timm raises for a network without stages, or one that cannot be dilated: it has no exception of its own.
_TIMM_ERRORS = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_AFTER_THE_LAST_STAGE = ("conv_head.", "bn2.", "classifier.")


def timm_features(
    name: str, *, pretrained: bool, seed: int, in_channels: int, output_stride: int
) -> nn.Module:
    """timm's features-only network ``name``, in training mode; torch's global generator is left alone.

    Args: name, that of an architecture, with or without a tag; pretrained, take the weights of timm's hub from the
    local cache or the network; seed, of the random initial weights; in_channels, of the images (timm sums the first
    convolution of its weights over the colours for one); output_stride, less than 32 for a dilated last stage.
    Raises: UserError for a name that timm does not know, a network without stages, or weights that are absent or out of
    reach.
    """
    from papers_lib.models import torchvision_ops  # noqa: F401  (before timm)

    import timm  # isort: skip

    if not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), 3)
        raise UserError(
            f"backbone: timm has no network {name!r}" + (f"; near it {', '.join(near)}" if near else "")
        )
    dilation: dict[str, Any] = {} if output_stride == 32 else {"output_stride": output_stride}
    try:
        with torch.random.fork_rng(devices=[]):  # timm initialises from torch's global generator
            torch.default_generator.manual_seed(seed)
            return timm.create_model(
                name, pretrained=pretrained, features_only=True, in_chans=in_channels, **dilation
            )
    except OSError as error:
        raise UserError(
            f"backbone: the weights of {name} are neither in timm's local cache nor within reach; set weights "
            f"to 'packaged' or 'random', or fill the cache first ({type(error).__name__})"
        ) from error
    except _TIMM_ERRORS as error:
        at = f" at output stride {output_stride}" if dilation else ""
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"backbone: timm gives no features of {name}{at} ({reason})") from error


def load_packaged_features(network: nn.Module, state: Mapping[str, Tensor], in_channels: int = 3) -> None:
    """Copy the package's tensors into timm's features-only EfficientNet; each of its places must find a tensor.

    Args: network, changed in place; state, of packaged_state, whose layers after the last stage (conv_head, its
    batch norm, the classifier) stay out; in_channels, 1 to sum the first convolution over the colours.
    Raises: ValueError naming the tensors that do not fit.
    """
    blocks = network.get_submodule("blocks")
    assert isinstance(blocks, nn.Sequential)
    depths = [len(stage) for stage in blocks]  # type: ignore[arg-type]
    given = {
        name: tensor
        for name, tensor in renamed(state, depths).items()
        if not name.startswith(_AFTER_THE_LAST_STAGE)
    }
    if in_channels == 1:
        given["conv_stem.weight"] = given["conv_stem.weight"].sum(1, keepdim=True)
    try:
        network.load_state_dict(given)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"packaged weights do not fit {type(network).__name__}: {reason}") from error


def last_places(found: Sequence[int], wanted: Sequence[int]) -> list[int] | None:
    """The last index of each wanted stride, from the coarsest to the finest; None if one is missing.

    >>> last_places([2, 4, 8, 16, 16], [4, 8, 16, 16])
    [1, 2, 3, 4]
    """
    places: list[int] = []
    index = len(found)
    for stride in reversed(wanted):
        index = next((i for i in range(index - 1, -1, -1) if found[i] == stride), -1)
        if index < 0:
            return None
        places.insert(0, index)
    return places
