"""Deletion, hottest parts first: how soon does the class's probability fall, or the model change its mind?

:func:`deletion_curve` (Petsiuk et al. 2018, RISE, arXiv 1806.07421), to be read beside :func:`random_order_maps`.
Deviations: whole cells of the map are deleted, and filled with the image's own mean colour.

:func:`masked_out`, PYLON's second heatmap metric (STAR Methods, Performance metrics): "the average size of image area
that can be masked-out [...] before a deep model switches its prediction for the correct class from positive to
negative", in steps of 0.5 % of the area. Lower is better; the area is that of the flipping step. There is no published
code. Flips are not monotone: bisection finds another one for 8 of 20 images.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from papers_lib.cams import class_indices
from papers_lib.metrics.classification import ClassMeans
from papers_lib.metrics.overlap import resize_maps

FLIPPED, ALREADY_NEGATIVE, NEVER = range(3)


@torch.no_grad()
def deletion_curve(
    predict: Callable[[Tensor], Tensor], images: Tensor, maps: Tensor, shares: Sequence[float]
) -> Tensor:
    """Probability of the class (B, len(shares)) after each share of the map's cells is deleted, hottest cells first.

    A share s deletes ceil(s h w) cells; of equal cells the first in row-major order. Args: predict, images (B, C, H,
    W) to the probability of the class wanted, (B,), called once a share; maps, raw (B, h, w), finite, only their
    order counts; shares in [0, 1], increasing.

    >>> image, hot = torch.tensor([[[[1.0, 3.0]]]]), torch.tensor([[[0.0, 1.0]]])
    >>> deletion_curve(lambda x: x.amax((1, 2, 3)), image, hot, [0, 0.5, 1])  # filled with 2
    tensor([[3., 2., 2.]])
    """
    _check_shares(shares)
    if not bool(maps.isfinite().all()):
        raise ValueError("maps: expected finite values, found NaN or infinity")
    filling = images.mean((-2, -1), keepdim=True)
    ranks = _ranks(maps)
    rows, columns = (
        _cell_of_pixel(cells, pixels)
        for cells, pixels in zip(maps.shape[-2:], images.shape[-2:], strict=True)
    )
    pixel_ranks = ranks[:, rows][:, :, columns].unsqueeze(1).to(images.device)  # (B, 1, H, W)
    found = []
    for share in shares:
        deleted = deleted_cells(share, maps.shape[-2] * maps.shape[-1])
        found.append(predict(torch.where(pixel_ranks < deleted, filling, images)))
    return torch.stack(found, 1)


def deletion_area(probabilities: Tensor, shares: Sequence[float]) -> Tensor:
    """Area (...) under the deletion curve (..., S) by the trapezoid rule; low is good.

    >>> deletion_area(torch.tensor([[1.0, 0.25, 0.0]]), [0, 0.5, 1])  # (1.25 + 0.25) / 4
    tensor([0.3750])
    """
    _check_shares(shares)
    return torch.trapezoid(probabilities, probabilities.new_tensor(shares))


def random_order_maps(generator: torch.Generator, shape: Sequence[int]) -> Tensor:
    """Maps (B, h, w) that rank their cells at random, each a permutation of 0 … h w - 1."""
    batch, height, width = shape
    draws = torch.rand(batch, height * width, generator=generator, device=generator.device)
    return draws.argsort(stable=True, dim=1).float().reshape(batch, height, width)


class MaskedOut(NamedTuple):
    """One entry a pair (image, class), on the CPU.

    ``step`` of the first flip, 0 if already negative, the last if never; ``area``, share masked then, float64;
    ``passes``, images sent through the model; ``calls`` of it; ``all_levels``, passes of a loop that never stops.
    """

    step: Tensor
    area: Tensor
    status: Tensor
    passes: int
    calls: int
    all_levels: int


@torch.no_grad()
def masked_out(
    model: Callable[[Tensor], Tensor],
    images: Tensor,
    maps: Tensor,
    target: Tensor,
    thresholds: Tensor,
    *,
    owner: Tensor | None = None,
    step: float = 0.005,
    fill: Tensor | None = None,
    batch: int = 16,
) -> MaskedOut:
    """First step at which the prediction flips, for every pair of an image and a class.

    Args: model, images (n, C, H, W), n <= batch, to logits (n, K), in eval mode; images (N, C, H, W); maps, raw (P,
    h, w), one a pair, resized bilinearly to (H, W), only their order counts; target, class of each pair, (P,);
    thresholds (K,), in logits; owner, image of each pair, (P,), None: pair p is of image p; step, share masked in
    addition at each level, ceil(s step H W) pixels at level s; fill, a colour (C,) in the scale of ``images``, None
    for zeros.

    >>> image = torch.tensor([[[[4.0, 3.0, 2.0, 1.0]]]])
    >>> found = masked_out(lambda x: x.sum((1, 2, 3))[:, None], image, image[0], torch.tensor([0]),
    ...                    torch.tensor([3.5]), step=0.25)  # 10, 6, 3
    >>> found.step.tolist(), found.area.tolist(), found.passes
    ([2], [0.5], 3)
    """
    if owner is None:
        owner = torch.arange(len(target))
    class_indices(target, len(maps), len(thresholds))
    class_indices(owner, len(maps), len(images))
    finite = maps.isfinite().flatten(1).all(1)
    if not bool(finite.all()):
        raise ValueError(f"map {int(finite.int().argmin())} holds NaN or infinity")
    if bool(thresholds[target.to(thresholds.device)].isnan().any()):
        raise ValueError("thresholds: that of a target class is NaN")
    if getattr(model, "training", False):
        raise ValueError("model: expected eval mode, since training mode mixes the images of a batch")
    if not 0 < step <= 1 or batch < 1:
        raise ValueError(f"expected a step in (0, 1] and batch >= 1, got {step} and {batch}")
    pairs, height, width = len(target), images.shape[-2], images.shape[-1]
    masked = _masked_pixels(step, height * width)
    last = len(masked) - 1
    colour = images.new_zeros(1, 1, 1) if fill is None else fill.to(images)[:, None, None]
    owner, target = owner.cpu(), target.cpu()
    limits = thresholds.double().cpu()[target]
    reached, status = torch.zeros(pairs, dtype=torch.int64), torch.full((pairs,), FLIPPED)
    active = torch.zeros(0, dtype=torch.int64)
    level = torch.zeros(0, dtype=torch.int64)
    onsets = torch.zeros(0, height, width, dtype=torch.int32, device=images.device)
    queued = passes = calls = 0
    while len(active) or queued < pairs:
        fresh = torch.arange(queued, min(pairs, queued + batch - len(active)))
        if len(fresh):
            queued += len(fresh)
            entering = _onsets(maps[fresh.to(maps.device)], (height, width), masked)
            onsets = torch.cat([onsets, entering.to(images.device)])
            active, level = torch.cat([active, fresh]), torch.cat([level, torch.zeros_like(fresh)])
        originals = images[owner[active].to(images.device)]
        gone = onsets <= level.to(images.device)[:, None, None]
        logits = model(torch.where(gone[:, None], colour, originals))
        value = logits.double().cpu()[torch.arange(len(active)), target[active]]
        if bool(value.isnan().any()):
            raise ValueError(f"model: the logit of pair {int(active[value.isnan()][0])} is NaN")
        passes, calls = passes + len(active), calls + 1
        positive = value > limits[active]
        reached[active] = level
        status[active[positive & (level == last)]] = NEVER
        status[active[~positive & (level == 0)]] = ALREADY_NEGATIVE
        goes_on = positive & (level < last)
        active, level = active[goes_on], level[goes_on] + 1
        if not bool(goes_on.all()):
            onsets = onsets[goes_on.to(images.device)]
    area = masked.double()[reached] / (height * width)
    return MaskedOut(reached, area, status, passes, calls, pairs * (last + 1))


def mean_masked_out_area(found: MaskedOut, target: Tensor, classes: int) -> ClassMeans:
    """Mean area a class, over classes (macro) and over pairs (weighted); target (P,), as given to :func:`masked_out`.

    Pairs that were negative before any masking are left out; pairs positive to the end count as an area of 1.

    >>> status = torch.tensor([FLIPPED, ALREADY_NEGATIVE, NEVER, FLIPPED])
    >>> areas = torch.tensor([0.25, 0.0, 1.0, 0.5])
    >>> found = MaskedOut(torch.tensor([50, 0, 200, 100]), areas, status, 354, 354, 804)
    >>> mean = mean_masked_out_area(found, torch.tensor([0, 0, 1, 1]), 2)
    >>> mean.per_class.tolist(), mean.macro, round(mean.weighted, 4)  # 1.75 / 3
    ([0.25, 0.75], 0.5, 0.5833)
    """
    target = class_indices(target.cpu(), len(found.status), classes)
    counted = found.status != ALREADY_NEGATIVE
    if not bool(counted.any()):
        raise ValueError("no pair of an image and a class counts")
    pairs = torch.bincount(target[counted], minlength=classes)
    per_class = torch.bincount(target[counted], found.area[counted].double(), minlength=classes) / pairs
    weighted = float(found.area[counted].double().mean())
    return ClassMeans(per_class, pairs, float(per_class.nanmean()), weighted)


def deleted_cells(share: float, cells: int) -> int:
    """Number of cells that a share deletes, ceil(share * cells), safe from rounding: 0.28 of 25 are 7.

    >>> deleted_cells(0.25, 36), deleted_cells(0.28, 25), deleted_cells(0.01, 36)
    (9, 7, 1)
    """
    return min(cells, math.ceil(share * cells - 1e-9))


def _ranks(maps: Tensor) -> Tensor:
    """Place of each cell in the order of deletion, 0 for the hottest."""
    order = maps.flatten(1).argsort(stable=True, dim=1, descending=True)
    return order.argsort(1).reshape(maps.shape)


def _cell_of_pixel(cells: int, pixels: int) -> Tensor:
    """Cell in which each pixel's centre lies, floor((p + 1/2) cells / pixels), in integers."""
    return (2 * torch.arange(pixels) + 1) * cells // (2 * pixels)


def _check_shares(shares: Sequence[float]) -> None:
    rising = all(a < b for a, b in itertools.pairwise(shares))
    if not shares or not rising or not (shares[0] >= 0 and shares[-1] <= 1):
        raise ValueError(f"shares: expected increasing numbers in [0, 1], got {list(shares)}")


def _masked_pixels(step: float, pixels: int) -> Tensor:
    """Number of pixels masked at levels 0, 1, …, the last level being the whole image."""
    counts = [0]
    while counts[-1] < pixels:
        counts.append(deleted_cells(min(1.0, len(counts) * step), pixels))
    return torch.tensor(counts)


def _onsets(maps: Tensor, size: tuple[int, int], masked: Tensor) -> Tensor:
    """First level at which each pixel is masked, (n, H, W), int32."""
    pixels = size[0] * size[1]
    ranks = torch.arange(pixels)
    onset_of_rank = torch.searchsorted(masked, ranks, right=True).int().to(maps.device)
    flat = resize_maps(maps, size).flatten(1)
    order = flat.argsort(dim=1, descending=True, stable=True)
    onsets = torch.empty_like(flat, dtype=torch.int32)
    return onsets.scatter_(1, order, onset_of_rank.expand_as(order)).reshape(-1, *size)
