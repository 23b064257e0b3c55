"""Li et al., "Thoracic Disease Identification and Localization with Limited Supervision" (CVPR 2018), without boxes.

As the PYLON paper has it (Preechakul 2022, iScience 25:103933, "Benchmark models"): image labels alone, and the
multi-instance pooling of papers_lib.losses.multi_instance in place of the maximum.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from papers_lib.losses.multi_instance import mil_cell_logit, mil_logits
from papers_lib.models.heatmap_classifier import HeatmapOutput, full_precision, log_odds, start_at_prevalence
from papers_lib.models.max_pooled_decoder import he_uniform, last_convolution, norm_layer
from papers_lib.models.pylon_blocks import Norm


class LiDecoder(nn.Module):
    """Last features resized to 20x20 -> Conv 3x3 to 512, norm, ReLU -> Conv 1x1 -> multi-instance pooling.

    Shapes: features (B, channels[i], h_i, w_i), of which the last is used -> :class:`HeatmapOutput`, maps (B, K,
    ``cells``, ``cells``): logits of the cells. A logit is at most log(.98^-400 - 1) = 8.08 with 20 x 20 cells.

    The resizing is bilinear with corners aligned, as in the authors' code. ``stride`` is None: the heatmap has as many
    cells whatever the image's size, side / 20 px each, though they are resampled from features of stride 32.
    Deviations: convolutions start as those of the other methods do (the authors leave these to PyTorch); group norm is
    32 groups at the paper's width, 16 channels each, and keeps 16 where the width is another.

    Args:
        channels: of the features, finest first.
        classes: K.
        generator: of the initial weights, on the CPU; torch's own is left alone.
        cells: along each side of the heatmap.
        width: channels after the Conv 3x3.
        norm: "batch" (the paper's), "group" or "group1".
    """

    head: nn.Conv2d
    stride: None = None

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        *,
        generator: torch.Generator,
        cells: int = 20,
        width: int = 512,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        self.cells = cells
        with torch.random.fork_rng(devices=[]):  # nn.Conv2d draws before it is initialised here
            self.block = nn.Sequential(
                nn.Conv2d(channels[-1], width, 3, padding=1), norm_layer(norm, width, 16), nn.ReLU()
            )
        self.head = last_convolution(width, classes, generator=he_uniform(self.block, generator))

    def forward(self, features: Sequence[Tensor]) -> HeatmapOutput:
        size = (self.cells, self.cells)
        resized = F.interpolate(features[-1], size, mode="bilinear", align_corners=True)
        maps = full_precision(self.head(self.block(resized)))
        return HeatmapOutput(mil_logits(maps), maps)

    def start_at_prevalence(self, prevalence: Tensor, scale: float = 0.05) -> None:
        """Head weights times ``scale``, biases such that a constant map pools to the prevalence (K,), in (0, 1)."""
        log_odds(prevalence)  # the same checks as elsewhere
        start_at_prevalence(self.head, mil_cell_logit(prevalence, self.cells**2), scale)
