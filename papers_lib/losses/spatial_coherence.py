"""Spatial coherence: near pixels of one cluster of a saliency map are to have like values (section 3.1.2)."""

from collections.abc import Iterator
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from papers_lib.losses.map_components import components


def spatial_coherence(
    maps: Tensor, labels: Tensor | None = None, *, window: int = 9, reduction: Literal["sum", "mean"] = "sum"
) -> Tensor:
    """Squared differences between the pixels of a cluster that lie within a window, averaged over the maps: L_SC.

    L_SC = Σ_p Σ_{q ∈ T(p)} (x_p - x_q)² for one map (section 3.1.2); T(p) holds the other pixels of p's cluster in
    the window x window square around p. As printed, each pair counts twice, once from either end.

    The square ends at the border of the map; pixels outside a cluster take no part (the report names no background:
    ours is what :func:`components` leaves at 0). The report has one map in mind; the mean over maps is ours.
    **As a sum it is cut by shrinking the map**, since it falls with the square of the values: give it maps that are
    ``saliency_images.scaled``, and "mean", which does not grow with the map's side either.

    Pixels are compared by 40 shifted copies (window 9) with the gradient 4 Σ_q (x_p - x_q) beside them: exact
    differences, no graph of each copy. So it can be differentiated once (a second time is a RuntimeError); maps that
    were themselves made with ``create_graph=True`` pass the gradient on.

    Args:
        maps: (..., H, W), floating point.
        labels: clusters, whole numbers of the maps' shape, 0 for none; ``components(maps)`` where not given. Constants.
        window: side of the square, odd, at least 3 (the report's is 9).
        reduction: within a map: "sum" as printed, or "mean" over its ordered pairs. A map without pairs, a constant one
            for instance, counts with 0 among the maps: a falling loss may be dying maps.

    Returns: a scalar, at least 0, lower is more coherent; float32 for half precision. NaN if a map holds NaN.
    Raises: ValueError for shapes, no map, whole numbers as maps, or an option outside its range.

    >>> row, one = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[1, 1, 1]])
    >>> spatial_coherence(row, one).item(), spatial_coherence(row, one, window=3).item()  # 2 · (1 + 9 + 4), 2 · (1 + 4)
    (28.0, 10.0)
    >>> spatial_coherence(row, one, window=3, reduction="mean").item()  # 4 ordered pairs
    2.5
    """
    if maps.ndim < 2 or maps.numel() == 0:
        raise ValueError(f"maps: expected (..., H, W), not empty, got {tuple(maps.shape)}")
    if not maps.is_floating_point():
        raise ValueError(f"maps: expected floating-point maps, got {maps.dtype}")
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window: expected an odd number of at least 3, got {window}")
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction: expected sum or mean, got {reduction!r}")
    labels = components(maps) if labels is None else labels
    if labels.shape != maps.shape or labels.is_floating_point() or labels.is_complex():
        raise ValueError(
            f"labels: expected whole numbers {tuple(maps.shape)}, got {tuple(labels.shape)} of {labels.dtype}"
        )
    maps = maps.float() if maps.dtype in (torch.float16, torch.bfloat16) else maps
    flat = maps.reshape(-1, *maps.shape[-2:])
    clusters = _as_float(labels.reshape(flat.shape), flat.dtype)
    sums, pairs = _PairSums.apply(flat, clusters, window // 2, reduction == "mean")
    return (sums / pairs.clamp(min=1) if reduction == "mean" else sums).mean()


class _PairSums(torch.autograd.Function):
    """(M,) sums over ordered pairs, and (M,) numbers of pairs (zeros where not asked for), with their gradient."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, clusters: Tensor, radius: int, count: bool) -> tuple[Tensor, Tensor]:
        number, height, width = maps.shape
        down, right = min(radius, height - 1), min(radius, width - 1)
        # Each row ends in pixels of no cluster, so that a step sideways is a shift along one line, and never meets
        # the next row. NaN equals nothing, itself included: pixels of no cluster need no test of their own.
        line = F.pad(maps.detach(), (0, right)).flatten(1)
        group = F.pad(clusters, (0, right), value=torch.nan).flatten(1)
        slope = torch.zeros_like(line) if ctx.needs_input_grad[0] else None
        sums = torch.zeros(number, dtype=torch.float64, device=maps.device)
        pairs = torch.zeros_like(sums)
        for part in _parts(line):
            gradient = None if slope is None else slope[part]
            sums[part], pairs[part] = _pair_sums(
                line[part], group[part], gradient, _shifts(down, right, width + right), count
            )
        if slope is not None:
            ctx.save_for_backward(slope.reshape(number, height, width + right)[..., :width])
        sums, pairs = sums.to(maps.dtype), pairs.to(maps.dtype)
        ctx.mark_non_differentiable(pairs)
        return sums, pairs

    @staticmethod
    def backward(ctx: Any, sums: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:
        if torch.is_grad_enabled():  # else the second order would be gone without a word
            raise RuntimeError("spatial_coherence: can be differentiated once, got create_graph=True")
        (slope,) = ctx.saved_tensors
        return sums[:, None, None] * slope, None, None, None


def _pair_sums(
    line: Tensor, group: Tensor, slope: Tensor | None, shifts: Iterator[int], count: bool
) -> tuple[Tensor, Tensor]:
    """Sum over ordered pairs, and their number, of some maps (M, S); adds the sum's gradient to ``slope``."""
    energy = torch.zeros_like(line)
    partners = torch.zeros_like(line)
    for shift in shifts:
        size = line.shape[1] - shift
        difference = line[:, :size] - line[:, shift:]
        # 1 and 0 in the maps' own type: several times as fast as a boolean mask.
        together = group[:, :size].clone().eq_(group[:, shift:])
        difference *= together
        energy[:, :size].addcmul_(difference, difference)
        if count:
            partners[:, :size] += together
        if slope is not None:
            slope[:, :size] += difference
            slope[:, shift:] -= difference
    if slope is not None:
        slope *= 4  # each pair twice, and 2 from the square
    return 2 * energy.sum(1, dtype=torch.float64), 2 * partners.sum(1, dtype=torch.float64)


def _shifts(down: int, right: int, stride: int) -> Iterator[int]:
    """Steps along the line to one half of the window; the other half are the same pairs from the other end."""
    for y in range(down + 1):
        for x in range(-right, right + 1):
            if y > 0 or x > 0:
                yield y * stride + x


def _parts(line: Tensor) -> list[slice]:
    """Maps worked on together: on the CPU as many as fit its cache, through which the copies go 40 times."""
    pixels = 2**17 if line.device.type == "cpu" else 2**26
    step = max(1, pixels // line.shape[1])
    return [slice(start, start + step) for start in range(0, len(line), step)]


def _as_float(labels: Tensor, dtype: torch.dtype) -> Tensor:
    """Clusters in the maps' type, NaN for none."""
    if int(labels.max()) > 2**24 or int(labels.min()) < -(2**24):  # where float32 leaves out whole numbers
        numbers = labels.unique(return_inverse=True)[1] + 1
        labels = torch.where(labels == 0, 0, numbers)
    return torch.where(labels == 0, torch.nan, labels.to(dtype))
