"""Feature Pyramid Network (Kirillov 2019, arXiv 1901.02446) as a classifier, in three normalisations.

Its original has group norm, whose heatmaps the PYLON paper found "unintelligible" (Figure S14) at a usual AUROC; with
batch norm, or group norm of one group, they are not. The paper's tables have batch norm.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from papers_lib.models import torchvision_ops  # noqa: F401  (before segmentation_models_pytorch)
from papers_lib.models.max_pooled_decoder import MaxPooledDecoder, four_channels, norm_layer
from papers_lib.models.pylon_blocks import Norm

from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder as SmpFPNDecoder  # isort: skip


class FPNDecoder(MaxPooledDecoder):
    """FPN of 256 pyramid and 128 segmentation channels (at width 128), Conv 1x1, global maximum; stride 4.

    Shapes: features (B, channels[i], h_i, w_i) at strides 4, 8, 16, 32 -> :class:`HeatmapOutput`, maps at stride 4.

    Deviations: dropout is 0 as in the authors' code, where segmentation-models-pytorch has .2; group norm has 32
    groups at the paper's width of 128, that is four channels a group, and keeps four where the width is another.

    Args:
        channels: of the features, finest first.
        classes: K.
        generator: of the initial weights, on the CPU; torch's own is left alone.
        width: segmentation channels, a multiple of 32; twice as many pyramid channels.
        norm: "batch" (the tables'), "group" (FPN's original) or "group1" (one group).
        dropout: of whole channels before the last convolution; draws from torch's global generator.

    Raises: ValueError for another width or norm.
    """

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        *,
        generator: torch.Generator,
        width: int = 128,
        norm: Norm = "batch",
        dropout: float = 0.0,
    ) -> None:
        if width < 32 or width % 32:  # FPN of segmentation-models-pytorch builds 32 groups, whatever follows
            raise ValueError(f"width: FPN needs a multiple of 32, got {width}")
        with torch.random.fork_rng(devices=[]):
            body = SmpFPNDecoder(
                four_channels(channels),
                pyramid_channels=2 * width,
                segmentation_channels=width,
                dropout=dropout,
            )
        for layer in list(body.modules()):
            if isinstance(layer, nn.Sequential) and any(isinstance(part, nn.GroupNorm) for part in layer):
                layer[1] = norm_layer(norm, width, 4)
        super().__init__(body, width, classes, generator=generator)

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        return self.body(list(features))
