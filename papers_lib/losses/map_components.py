"""Connected components of thresholded saliency maps: the clusters of the spatial-coherence loss (section 3.1.2)."""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

Threshold = Literal["mean", "otsu"]


def components(
    maps: Tensor, *, threshold: Threshold | Tensor = "mean", connectivity: int = 8, erosion: int = 0
) -> Tensor:
    """Number of the connected component of each pixel above the map's threshold, 0 elsewhere.

    "Clusters on each saliency map are identified by performing connected component analysis" (section 3.1.2). Neither
    the threshold nor the connectivity is given; chosen here: above the map's mean, 8-connected. Otsu's threshold and
    the erosion are for the published code (:mod:`papers_lib.losses.published_coherence`).

    A component is found by runs: each row's runs are joined with those they touch in the next row, and numbers are
    passed along the joins until they settle. No gradient: the labels are constants to a loss.

    Args:
        maps: (..., H, W), floating point.
        threshold: "mean", "otsu" (:func:`otsu_threshold`), or a tensor that broadcasts to the maps' leading shape. A
            pixel counts if it is strictly above, so a constant map has no component under "mean" and "otsu".
        connectivity: 4 or 8 neighbours.
        erosion: times that the thresholded region is shrunk by a 3x3 square, with nothing outside the map.

    Returns: int64 (..., H, W); within each map 1, 2, … in the order of the components' first pixels, row by row. A map
        with NaN has no component under "mean" and "otsu".
    Raises: ValueError for a shape, whole numbers, or an option outside its range.

    >>> components(torch.tensor([[9.0, 0.0, 9.0], [9.0, 0.0, 0.0], [0.0, 9.0, 0.0]])).tolist()
    [[1, 0, 2], [1, 0, 0], [0, 1, 0]]
    """
    _check(maps, threshold, connectivity, erosion)
    if maps.numel() == 0:
        return torch.zeros(maps.shape, dtype=torch.int64, device=maps.device)
    flat = maps.detach().reshape(-1, *maps.shape[-2:])
    flat = flat.float() if flat.dtype in (torch.float16, torch.bfloat16) else flat
    # Maps are independent: on the CPU a few at a time, so that what is made of them stays in its cache.
    few = max(1, 2**17 // flat[0].numel()) if flat.device.type == "cpu" else len(flat)
    if isinstance(threshold, Tensor):
        level = _for_each_map(threshold.detach().to(flat), maps.shape[:-2])
    else:
        rule = otsu_threshold if threshold == "otsu" else _mean
        level = torch.cat([rule(part) for part in flat.split(few)])
    labels = []
    for part, part_level in zip(flat.split(few), level.split(few), strict=True):
        above = part > part_level[:, None, None]
        if erosion:
            side = 2 * erosion + 1  # that many 3x3 squares in a row
            outside = F.pad((~above).to(torch.float32)[:, None], (erosion,) * 4, value=1.0)
            above = F.max_pool2d(outside, side, stride=1)[:, 0] == 0
        labels.append(_label(above, reach=1 if connectivity == 8 else 0))
    return torch.cat(labels).reshape(maps.shape)


def otsu_threshold(maps: Tensor, levels: int = 256) -> Tensor:
    """Otsu's threshold of each map: the cut with the largest variance between the two sides.

    w0 w1 (μ0 - μ1)² over the cuts between ``levels`` equal bins from the map's minimum to its maximum; the means are
    those of the values, not of the bins. Of equal cuts the lowest.

    Args: maps (..., H, W), floating point; levels, at least 2.
    Returns: (...,), the upper end of the last bin below the cut; the value itself for a constant map.
    Raises: ValueError for a shape, an empty map or fewer than two levels.

    >>> otsu_threshold(torch.tensor([[0.0, 0.0, 10.0], [1.0, 1.0, 9.0]]), levels=10).item()  # bins of 1
    1.0
    """
    if maps.ndim < 2 or maps.numel() == 0:
        raise ValueError(f"maps: expected (..., H, W), not empty, got {tuple(maps.shape)}")
    if levels < 2:
        raise ValueError(f"levels: expected at least 2, got {levels}")
    flat = maps.detach().reshape(-1, maps.shape[-2] * maps.shape[-1])
    flat = flat.float() if flat.dtype in (torch.float16, torch.bfloat16) else flat
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


def _for_each_map(threshold: Tensor, lead: torch.Size) -> Tensor:
    sizes = zip(reversed(threshold.shape), reversed(lead), strict=False)
    if threshold.ndim > len(lead) or any(one not in (1, many) for one, many in sizes):
        raise ValueError(f"threshold: expected a tensor for maps {tuple(lead)}, got {tuple(threshold.shape)}")
    return threshold.broadcast_to(lead).reshape(-1)


def _mean(flat: Tensor) -> Tensor:
    # Not below the minimum, where rounding can put the mean of a constant map, all of which would lie above it.
    mean = flat.mean((1, 2), dtype=torch.float64).to(flat.dtype)
    return torch.maximum(mean, flat.amin((1, 2)))


def _label(above: Tensor, reach: int) -> Tensor:
    """Components of boolean maps (M, H, W); ``reach`` is 1 where runs that touch at a corner are joined."""
    maps, height, width = above.shape
    # An empty column and row end each row and map, so that all of it is one line, in which no run joins two rows.
    stride = width + 1
    line = F.pad(above, (0, 1, 0, 1)).flatten().to(torch.int8)
    change = torch.diff(line, prepend=line.new_zeros(1))
    start, end = (change == 1).nonzero()[:, 0], (change == -1).nonzero()[:, 0]  # run i is [start, end)
    runs = len(start)
    # Those in the next row that touch run i are first[i], …, last[i] - 1.
    first = torch.searchsorted(end, start + stride - reach, right=True)
    last = torch.searchsorted(start, end + stride + reach)
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


def _check(maps: Tensor, threshold: Threshold | Tensor, connectivity: int, erosion: int) -> None:
    if maps.ndim < 2:
        raise ValueError(f"maps: expected (..., H, W), got {tuple(maps.shape)}")
    if not maps.is_floating_point():
        raise ValueError(f"maps: expected floating-point maps, got {maps.dtype}")
    if not isinstance(threshold, Tensor) and threshold not in get_args(Threshold):
        raise ValueError(f"threshold: expected mean, otsu or a tensor, got {threshold!r}")
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity: expected 4 or 8, got {connectivity}")
    if erosion < 0:
        raise ValueError(f"erosion: expected at least 0, got {erosion}")
