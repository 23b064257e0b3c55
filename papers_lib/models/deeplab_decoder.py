"""DeepLabV3+ (Chen 2018, arXiv 1802.02611) as a classifier, with and without its global average pool.

The PYLON paper takes the image-pooling branch out of its atrous spatial pyramid pooling (ASPP), which "reduced the
variance of point localization accuracy in several classes": "Adverse impacts of global pooling", Table S18.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from papers_lib.models import torchvision_ops  # noqa: F401  (before segmentation_models_pytorch)
from papers_lib.models.max_pooled_decoder import MaxPooledDecoder, four_channels

from segmentation_models_pytorch.decoders.deeplabv3.decoder import (  # isort: skip
    ASPPPooling,
    DeepLabV3PlusDecoder,
    SeparableConv2d,
)

RATES = (12, 24, 36)


class DeepLabDecoder(MaxPooledDecoder):
    """DeepLabV3+ of 256 channels (at width 128), Conv 1x1, global maximum; stride 4, from a dilated encoder.

    Shapes: features (B, channels[i], h_i, w_i) at strides 4, 8, 16, 16 -> :class:`HeatmapOutput`, maps at stride 4.

    The rates of dilation are 12, 24 and 36 cells of 16 px. At 256 px, a side of 16 cells, the two larger have their
    central tap alone inside the map; at 160 px all three.

    Args:
        channels: of the features, finest first.
        classes: K.
        generator: of the initial weights, on the CPU; torch's own is left alone.
        width: half the channels of the decoder; the finest features are brought to 3/8 of it, 48 at the paper's 128.
        gap: False takes the pooling branch out of ASPP, with its part of the projection.
        dropout: after ASPP, the .5 of segmentation-models-pytorch and the authors; draws from torch's global generator.
    """

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        *,
        generator: torch.Generator,
        width: int = 128,
        gap: bool = True,
        dropout: float = 0.5,
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            body = DeepLabV3PlusDecoder(
                (0, 0, *four_channels(channels)),  # the decoder passes over image and stride 2
                5,
                2 * width,
                RATES,
                output_stride=16,
                aspp_separable=True,
                aspp_dropout=dropout,
            )
            low = 3 * width // 8  # segmentation-models-pytorch has 48 at any width
            body.block1[0] = nn.Conv2d(channels[0], low, 1, bias=False)
            body.block1[1] = nn.BatchNorm2d(low)
            body.block2[0] = SeparableConv2d(low + 2 * width, 2 * width, 3, padding=1, bias=False)
            if not gap:
                _without_pooling(body.aspp[0])
        super().__init__(body, 2 * width, classes, generator=generator)

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        """Raises: ValueError for features of an encoder that is not dilated."""
        if features[2].shape[-2:] != features[3].shape[-2:]:
            raise ValueError(
                "features: DeepLab needs the last two at stride 16 (an encoder with output_stride=16), got sizes "
                f"{tuple(features[2].shape[-2:])} and {tuple(features[3].shape[-2:])}"
            )
        return self.body([None, None, *features])


def _without_pooling(aspp: nn.Module) -> None:
    """Take the pooling branch, and what the projection has for it, out of ASPP, in place."""
    kept = [branch for branch in aspp.get_submodule("convs") if not isinstance(branch, ASPPPooling)]  # type: ignore[attr-defined]
    aspp.convs = nn.ModuleList(kept)
    project = aspp.get_submodule("project")
    assert isinstance(project, nn.Sequential)
    old = project[0]
    assert isinstance(old, nn.Conv2d)
    project[0] = nn.Conv2d(len(kept) * old.out_channels, old.out_channels, 1, bias=False)
