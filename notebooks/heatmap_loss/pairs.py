"""Figure 1: two slices with the same heatmap loss, of which one has more of its heat in the heart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from papers_lib.cams import display_map
from papers_lib.losses.heatmap import heatmap_loss, shrink_mask
from papers_lib.metrics.overlap import heat_share
from papers_lib.sweep.records import Record


def explained(records: Sequence[Record]) -> Record | None:
    """The first kept heatmap-loss model of the matched arm, or None if there is none."""
    for record in records:
        config = record.config
        if (config.group, config.arm, record.metrics.get("kept")) == ("heatmap", "main", True):
            return record
    return None


@dataclass(frozen=True, eq=False)
class EqualLossPair:
    """Two slices of nearly equal loss; the one with more heat in the heart first.

    Attributes:
        indices: into the slices given.
        losses, shares: heatmap loss (form "mean") and share of the heat in the heart of both.
        images: eight pictures, (8, H, W), each slice four times.
        panels: eight maps, (8, H, W): nothing (NaN), the heat, the heat outside, the heat inside the heart.
    """

    indices: tuple[int, int]
    losses: tuple[float, float]
    shares: tuple[float, float]
    images: np.ndarray
    panels: np.ndarray

    @property
    def gap(self) -> float:
        """Difference of the shares."""
        return self.shares[0] - self.shares[1]

    @property
    def titles(self) -> list[str]:
        """Titles of the eight panels."""
        pairs = zip(self.losses, self.shares, strict=True)
        return [
            t
            for loss, s in pairs
            for t in (f"slice, loss {loss:.4f}", f"HiResCAM: {s:.0%} in heart", "outside", "inside")
        ]


def equal_loss_pair(
    maps: np.ndarray, heart: np.ndarray, images: np.ndarray, tolerance: float = 0.01
) -> EqualLossPair | None:
    """The pair whose shares differ most among all pairs whose losses differ by at most ``tolerance`` of their mean.

    Args:
        maps: raw maps (n, h, w).
        heart: masks (n, H, W).
        images: slices (n, H, W).
        tolerance: relative.

    Returns:
        None where no two slices of a positive loss are as close as that.
    """
    raw, mask = torch.from_numpy(maps).double(), torch.from_numpy(heart)
    outside = shrink_mask(1.0 - mask.double(), (maps.shape[1], maps.shape[2]), "point")
    losses = heatmap_loss(raw, outside, reduction="none")
    shares = heat_share(raw, mask)
    close = (losses[:, None] - losses).abs() <= tolerance * (losses[:, None] + losses) / 2
    alive = (losses > 0) & (losses[:, None] > 0)
    gaps = torch.where(close & alive, shares[:, None] - shares, -1.0)
    if not gaps.max() > 0:
        return None
    first, second = divmod(int(gaps.argmax()), len(losses))
    both = [first, second]
    heat = display_map(raw[both], size=(heart.shape[1], heart.shape[2]))
    inside = mask[both]
    blank = torch.full_like(heat, torch.nan)
    panels = torch.stack([blank, heat, hidden(heat, inside), hidden(heat, ~inside)], dim=1)
    return EqualLossPair(
        (first, second),
        (float(losses[first]), float(losses[second])),
        (float(shares[first]), float(shares[second])),
        np.repeat(images[both], 4, axis=0),
        panels.flatten(0, 1).numpy(),
    )


def hidden(heat: Tensor, where: Tensor) -> Tensor:
    """The heat with a region left blank (NaN)."""
    return torch.where(where, torch.full_like(heat, torch.nan), heat)
