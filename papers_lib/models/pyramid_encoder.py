"""A backbone's features at several strides, finest first: the encoder under every heatmap decoder.

Source: Preechakul 2022 (iScience 25:103933), Figure 1B, "The encoder may be replaced by any deep classifier". There
it is ResNet-50, whose four blocks give 256, 512, 1024 and 2048 channels at strides 4, 8, 16 and 32.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from papers_lib.errors import UserError
from papers_lib.models.timm_backbones import Scale, Weights, backbone_network, last_places, scale_of


class PyramidEncoder(nn.Module):
    """Features of one backbone at several strides.

    Images (B, in_channels, H, W) in [0, 1], H and W divisible by the largest stride -> a list of (B, channels[i], H /
    strides[i], W / strides[i]), finest first.

    Args: network, a features-only one of timm; scale, applied first; indices, which maps are given; channels,
    strides, of these.
    """

    def __init__(
        self,
        network: nn.Module,
        scale: Scale,
        *,
        indices: Sequence[int],
        channels: Sequence[int],
        strides: Sequence[int],
        backbone: str = "",
    ) -> None:
        super().__init__()
        self.scale = scale
        self.network = network
        self.indices = tuple(indices)
        self.channels: tuple[int, ...] = tuple(channels)
        self.strides: tuple[int, ...] = tuple(strides)
        self.backbone = backbone
        self.channels_last = str(getattr(network, "output_fmt", "NCHW")).endswith("NHWC")  # timm's Swin
        self._standardised = False
        for stage, count in enumerate(self.channels):
            self.register_buffer(f"mean_{stage}", torch.zeros(count))
            self.register_buffer(f"std_{stage}", torch.ones(count))
        self.register_load_state_dict_post_hook(_note_standardised)

    def forward(self, images: Tensor) -> list[Tensor]:
        largest = max(self.strides)
        if images.ndim != 4 or images.shape[-2] % largest or images.shape[-1] % largest:
            raise ValueError(
                f"images: expected shape (B, C, H, W), H and W divisible by {largest}, got {tuple(images.shape)}"
            )
        maps = self.network(self.scale(images))
        found = [maps[index] for index in self.indices]
        if self.channels_last:
            found = [map_.permute(0, 3, 1, 2) for map_ in found]
        return self.standardised(found)

    def standardised(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Features of all stages as this encoder gives them, from its raw ones: see :meth:`standardise`."""
        if not self._standardised:
            return list(features)
        return [
            (map_ - mean[:, None, None]) / std[:, None, None]
            for map_, mean, std in zip(features, *self.statistics(), strict=True)
        ]

    def statistics(self) -> tuple[list[Tensor], list[Tensor]]:
        """Means and standard deviations, one (channels[i],) a stage; zeros and ones until they are set."""
        stages = range(len(self.channels))
        return [self.get_buffer(f"mean_{i}") for i in stages], [self.get_buffer(f"std_{i}") for i in stages]

    @torch.no_grad()
    def standardise(self, means: Sequence[Tensor], stds: Sequence[Tensor]) -> None:
        """From here on give (feature - mean) / std, one (channels[i],) a stage; saved with the state."""
        if not all(bool((std > 0).all()) for std in stds):
            raise ValueError("stds: expected positive values; set the std of a constant channel to 1")
        for buffers, given in zip(self.statistics(), (means, stds), strict=True):
            for buffer, values in zip(buffers, given, strict=True):
                buffer.copy_(values)
        _note_standardised(self)


def _note_standardised(encoder: nn.Module, *_: object) -> None:
    """The identity is not computed; whether it is the identity is looked up once, not in every pass."""
    assert isinstance(encoder, PyramidEncoder)
    means, stds = encoder.statistics()
    encoder._standardised = any(bool(m.any()) for m in means) or any(bool((s != 1).any()) for s in stds)


def pyramid_encoder(
    backbone: str,
    *,
    generator: Generator,
    weights: Weights = "packaged",
    in_channels: int = 3,
    strides: Sequence[int] = (4, 8, 16, 32),
    output_stride: int = 32,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> PyramidEncoder:
    """A backbone of timm as a :class:`PyramidEncoder`, in training mode.

    With one channel the first convolution is the sum over the RGB kernels, as in the authors' models for radiographs.

    Args: backbone, weights, generator, in_channels as in ``timm_backbones.backbone_network``; strides of the
    features, ascending, as they are without dilation; output_stride, 16 for a last stage that is dilated instead of
    strided: the stride 32 then becomes 16; mean, std of the pixels, one a channel, None for the backbone's own.
    UserError for a network without these stages.
    """
    network = backbone_network(
        backbone, weights, generator, in_channels=in_channels, features_only=True, output_stride=output_stride
    )
    found: list[int] = network.feature_info.reduction()  # type: ignore[union-attr, operator]
    wanted = [min(stride, output_stride) for stride in strides]
    indices = last_places(found, wanted)
    if indices is None:
        raise UserError(f"backbone: expected maps of {backbone} at strides {wanted}, timm gives {found}")
    channels: list[int] = network.feature_info.channels()  # type: ignore[union-attr, operator]
    return PyramidEncoder(
        network,
        Scale(mean, std) if mean and std else scale_of(network, backbone, in_channels),
        indices=indices,
        channels=[channels[index] for index in indices],
        strides=wanted,
        backbone=backbone,
    )


class LaterStages(nn.Module):
    """Stages ``given``, ``given + 1``, … of an encoder, to go on training from stored features; the layers are its own.

    Raw features of the first ``given`` stages, finest first -> all features as ``encoder(images)`` gives them.
    """

    def __init__(self, encoder: PyramidEncoder, given: int) -> None:
        super().__init__()
        self.given = given
        self._encoder = (encoder,)  # in a tuple: its layers are registered once, below
        layers = _layers(encoder.network)
        names = [name.replace(".", "_") for name in encoder.network.feature_info.module_name()]  # type: ignore[union-attr, operator]
        ends = [names[index] for index in encoder.indices]
        missing = [name for name in ends if name not in layers]
        if missing or encoder.channels_last:
            raise UserError(
                f"backbone: the stages of {encoder.backbone} do not run one after the other; "
                "train all of it, or none"
            )
        order = list(layers)
        last = order.index(ends[given - 1])
        later = order[last + 1 : order.index(ends[-1]) + 1]
        self.layers = nn.ModuleDict({name: layers[name] for name in later})
        self.ends = frozenset(ends)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        if len(features) != self.given:
            raise ValueError(f"features: expected {self.given} stages, got {len(features)}")
        found = list(features)
        x = found[-1]
        for name, layer in self.layers.items():
            x = layer(x)
            if name in self.ends:
                found.append(x)
        return self._encoder[0].standardised(found)


def _layers(network: nn.Module) -> dict[str, nn.Module]:
    """The layers in the order in which they run; stages of a block list one by one."""
    found: dict[str, nn.Module] = {}
    for name, child in network.named_children():
        if name == "blocks" and isinstance(child, nn.Sequential):
            found.update((f"blocks_{number}", stage) for number, stage in child.named_children())
        else:
            found[name] = child
    return found
