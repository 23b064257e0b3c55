"""Time of spatial coherence with its gradient, against loops over the pixels in autograd and in numpy.

Both loops give the same value and gradient. They are timed on one row in the middle of a map and multiplied up to the
pixels in clusters of all maps, since nothing passes from row to row or from map to map. Windows at the border are cut,
so that the whole loops would take a few percent less.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.interleaved import alternating, rows_over
from papers_lib.losses.map_components import components
from papers_lib.losses.spatial_coherence import spatial_coherence

RADIUS = 4  # window 9
SIDES = (56, 224)
COUNTS = (1, 20)  # one map, and four images of five classes
ROUNDS = 15
LABELS = {
    "ours": "spatial coherence (ours)",
    "clusters": "spatial coherence (ours), clusters found as well",
    "autograd": "spatial coherence, loop over pixels, autograd, a row multiplied up",
    "numpy": "spatial coherence, loop over pixels, numpy, a row multiplied up",
}


def blobs(count: int, side: int) -> Tensor:
    """Smooth maps (count, side, side) in [0, 1], as Grad-CAM's are."""
    noise = torch.rand(count, 1, 7, 7, generator=torch.Generator().manual_seed(0))
    return F.interpolate(noise, (side, side), mode="bilinear")[:, 0]


def ours(maps: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sum over all maps, and its gradient."""
    maps = maps.clone().requires_grad_()
    loss = spatial_coherence(maps, labels) * len(maps)
    (slope,) = torch.autograd.grad(loss, maps)
    return loss.detach(), slope


def by_autograd(values: Tensor, labels: Tensor, rows: range) -> tuple[Tensor, Tensor]:
    """Sum over the pixels of some rows of one map, and its gradient, which is whole once all rows are."""
    values = values.clone().requires_grad_()
    loss = values.new_zeros(())
    for i in rows:
        for j in range(values.shape[1]):
            if labels[i, j] == 0:
                continue
            window = _window(i, j)
            together = labels[window] == labels[i, j]
            loss = loss + ((values[i, j] - values[window]).square() * together).sum()
    (slope,) = torch.autograd.grad(loss, values, allow_unused=True, materialize_grads=True)
    return loss.detach(), slope


def by_numpy(values: np.ndarray, labels: np.ndarray, rows: range) -> tuple[float, np.ndarray]:
    """The same by hand: of ordered pairs, both ends take part in the gradient."""
    loss, slope = 0.0, np.zeros_like(values)
    for i in rows:
        for j in range(values.shape[1]):
            if labels[i, j] == 0:
                continue
            window = _window(i, j)
            difference = (values[i, j] - values[window]) * (labels[window] == labels[i, j])
            loss += float((difference**2).sum())
            slope[i, j] += 2 * difference.sum()
            slope[window] -= 2 * difference
    return loss, slope


def _window(i: int, j: int) -> tuple[slice, slice]:
    return slice(max(0, i - RADIUS), i + RADIUS + 1), slice(max(0, j - RADIUS), j + RADIUS + 1)


def table(
    device: str = "cpu", sides: Sequence[int] = SIDES, counts: Sequence[int] = COUNTS, rounds: int = ROUNDS
) -> list[dict[str, Any]]:
    """A row a way, side and number of maps, over ours; the numpy loop is on the CPU in any case."""
    found = []
    for side in sides:
        for count in counts:
            found += _table(blobs(count, side).to(device), rounds)
    return found


def _table(maps: Tensor, rounds: int) -> list[dict[str, Any]]:
    count, side = maps.shape[:2]
    labels = components(maps)
    values, groups = maps[0].cpu().numpy(), labels[0].cpu().numpy()
    middle = range(side // 2, side // 2 + 1)
    # No pixel without a cluster, which the loops pass over: the share of those with one counts below.
    full, everywhere = torch.ones_like(labels[0]), np.ones_like(groups)
    actions: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours(maps, labels),
        "clusters": lambda: ours(maps, None),
        "autograd": lambda: by_autograd(maps[0], full, middle),
        "numpy": lambda: by_numpy(values, everywhere, middle),
    }
    pixels = float((labels > 0).sum()) / side  # in rows full of pixels
    factor = {"ours": 1.0, "clusters": 1.0, "autograd": pixels, "numpy": pixels}
    times = alternating(actions, rounds, maps.device.type)
    whole = {name: [factor[name] * one for one in seconds] for name, seconds in times.items()}
    size = f"{count} map{'s' if count > 1 else ''}, {side} px"
    rows = rows_over(whole, "ours", size, LABELS)
    return [row | {"key": f"coherence_{side}_{count}_{row['key']}"} for row in rows]
