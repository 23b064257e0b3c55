"""Spatial coherence: near pixels of one cluster of a saliency map are to have like values (section 3.1.2).

The clusters are the connected components of the thresholded map: :func:`components`.
"""

from collections.abc import Iterator
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from papers_lib.cams import full_precision
from papers_lib.errors import one_of

Threshold = Literal["mean", "otsu"]


def spatial_coherence(
    maps: Tensor, labels: Tensor | None = None, *, window: int = 9, reduction: Literal["sum", "mean"] = "sum"
) -> Tensor:
    """Squared differences between the pixels of a cluster that lie within a window, averaged over the maps: L_SC.

    L_SC = Σ_p Σ_{q ∈ T(p)} (x_p - x_q)² for one map (section 3.1.2); T(p) holds the other pixels of p's cluster in
    the window x window square around p. As printed, each pair counts twice; the mean over maps is ours. **As a sum it
    is cut by shrinking the map**: give it maps that are ``saliency_images.scaled``, and "mean".

    It can be differentiated once; maps made with ``create_graph=True`` pass the gradient on.

    Args: maps (..., H, W), floating point; labels, clusters, whole numbers, 0 for none, by default
    ``components(maps)``; window, side of the square, odd; reduction, within a map, "sum" as printed or "mean" over
    its ordered pairs.

    >>> row, one = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[1, 1, 1]])
    >>> spatial_coherence(row, one).item(), spatial_coherence(row, one, window=3).item()  # 2 · (1 + 9 + 4), 2 · (1 + 4)
    (28.0, 10.0)
    >>> spatial_coherence(row, one, window=3, reduction="mean").item()  # 4 ordered pairs
    2.5
    """
    check_options(maps, window, reduction)
    labels = components(maps) if labels is None else labels
    if labels.shape != maps.shape:
        raise ValueError(f"labels: expected shape {tuple(maps.shape)}, got {tuple(labels.shape)}")
    maps = full_precision(maps)
    flat = maps.reshape(-1, *maps.shape[-2:])
    clusters = _as_float(labels.reshape(flat.shape), flat.dtype)
    sums, pairs = _PairSums.apply(flat, clusters, window // 2, reduction == "mean")
    return (sums / pairs.clamp(min=1) if reduction == "mean" else sums).mean()


def check_options(maps: Tensor, window: int, reduction: str) -> None:
    """ValueError for no maps, an even or small window, or another reduction than "sum" and "mean"."""
    if maps.ndim < 2 or maps.numel() == 0:
        raise ValueError(f"maps: expected (..., H, W), not empty, got {tuple(maps.shape)}")
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window: expected an odd number of at least 3, got {window}")
    one_of("reduction", reduction, ("sum", "mean"))


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


def components(maps: Tensor, *, threshold: Threshold = "mean", erosion: int = 0) -> Tensor:
    """Number of the 8-connected component of each pixel strictly above the map's threshold, 0 elsewhere.

    "Clusters on each saliency map are identified by performing connected component analysis" (section 3.1.2);
    threshold and connectivity are not given. No gradient.

    Args: maps (..., H, W), floating point; threshold, the map's "mean", or "otsu" (:func:`otsu_threshold`); erosion,
    times that the region is shrunk by a 3x3 square. Returns: int64 (..., H, W); within each map 1, 2, … in the order
    of first pixels.

    >>> components(torch.tensor([[9.0, 0.0, 9.0], [9.0, 0.0, 0.0], [0.0, 9.0, 0.0]])).tolist()
    [[1, 0, 2], [1, 0, 0], [0, 1, 0]]
    """
    one_of("threshold", threshold, get_args(Threshold))
    if maps.numel() == 0:
        return torch.zeros(maps.shape, dtype=torch.int64, device=maps.device)
    flat = full_precision(maps.detach().reshape(-1, *maps.shape[-2:]))
    # Maps are independent: on the CPU a few at a time, so that what is made of them stays in its cache.
    few = max(1, 2**17 // flat[0].numel()) if flat.device.type == "cpu" else len(flat)
    rule = otsu_threshold if threshold == "otsu" else _level_of_mean
    labels = []
    for part in flat.split(few):
        above = part > rule(part)[:, None, None]
        if erosion:
            side = 2 * erosion + 1  # that many 3x3 squares in a row
            outside = F.pad((~above).to(torch.float32)[:, None], (erosion,) * 4, value=1.0)
            above = F.max_pool2d(outside, side, stride=1)[:, 0] == 0
        labels.append(_label(above))
    return torch.cat(labels).reshape(maps.shape)


def otsu_threshold(maps: Tensor, levels: int = 256) -> Tensor:
    """Otsu's threshold of each map (..., H, W): the cut with the largest variance w0 w1 (μ0 - μ1)² between its sides.

    The upper end of the last of ``levels`` equal bins below the cut; of equal cuts the lowest.
    """
    flat = full_precision(maps.detach().reshape(-1, maps.shape[-2] * maps.shape[-1]))
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    span = high - low
    # A bin holds its upper end, as "strictly above" asks; NaN becomes some bin, and NaN in the threshold.
    place = torch.where(span > 0, (flat - low) / span, 0.0).nan_to_num(0.0)
    bins = ((place * levels).ceil().long() - 1).clamp(0, levels - 1)
    empty = torch.zeros(len(flat), levels, dtype=torch.float64, device=flat.device)
    count = empty.scatter_add(1, bins, torch.ones_like(bins, dtype=torch.float64)).cumsum(1)
    # From the minimum on: the variance does not depend on the origin, its rounding does.
    total = empty.scatter_add(1, bins, (flat - low).double()).cumsum(1)
    w0, all_count, all_total = count[:, :-1], count[:, -1:], total[:, -1:]
    w1 = all_count - w0
    between = (total[:, :-1] * all_count - all_total * w0).square() / (w0 * w1).clamp(min=1)
    cut = between.argmax(1, keepdim=True) + 1
    return (low + span * (cut.to(flat.dtype) / levels)).reshape(maps.shape[:-2])


def _level_of_mean(flat: Tensor) -> Tensor:
    # Not below the minimum, where rounding can put the mean of a constant map, all of which would lie above it.
    mean = flat.mean((1, 2), dtype=torch.float64).to(flat.dtype)
    return torch.maximum(mean, flat.amin((1, 2)))


def _label(above: Tensor) -> Tensor:
    """8-connected components of boolean maps (M, H, W)."""
    maps, height, width = above.shape
    # An empty column and row end each row and map, so that all of it is one line, in which no run joins two rows.
    stride = width + 1
    line = F.pad(above, (0, 1, 0, 1)).flatten().to(torch.int8)
    change = torch.diff(line, prepend=line.new_zeros(1))
    start, end = (change == 1).nonzero()[:, 0], (change == -1).nonzero()[:, 0]  # run i is [start, end)
    runs = len(start)
    # Those in the next row that touch run i are first[i], …, last[i] - 1.
    first = torch.searchsorted(end, start + stride - 1, right=True)
    last = torch.searchsorted(start, end + stride + 1)
    touching = (last - first).clamp(min=0)
    one = torch.arange(runs, device=above.device).repeat_interleave(touching)
    before = touching.cumsum(0) - touching
    other = torch.arange(len(one), device=above.device) + (first - before).repeat_interleave(touching)
    root = _roots(runs, one, other)

    is_root = root == torch.arange(runs, device=above.device)
    number = is_root.cumsum(0)  # over all maps; the root is the first run, so the order is that of the rows
    of_map = start // (stride * (height + 1))
    per_map = torch.bincount(of_map[is_root], minlength=maps)
    run_label = number[root] - (per_map.cumsum(0) - per_map)[of_map]
    steps = torch.zeros_like(line, dtype=torch.int64)
    steps[start], steps[end] = run_label, -run_label
    return steps.cumsum(0).reshape(maps, height + 1, stride)[:, :height, :width].contiguous()


def _roots(count: int, one: Tensor, other: Tensor) -> Tensor:
    """The smallest member of each node's component in a graph with the edges (one, other)."""
    parent = torch.arange(count, device=one.device)
    while len(one):
        low, high = torch.minimum(one, other), torch.maximum(one, other)
        # Roots only: each hangs itself below the smallest root that it touches, then all paths are shortened.
        parent.scatter_reduce_(0, high, low, "amin")
        while not torch.equal(shorter := parent[parent], parent):
            parent = shorter
        one, other = parent[low], parent[high]
        apart = one != other
        one, other = one[apart], other[apart]
    return parent
