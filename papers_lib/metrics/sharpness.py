"""Sharpness of class activation maps: entropy, ellipsoidal area and dispersion (Schöttl, section III A).

Notation: M, the :func:`heat` of a raw map; p = M / sum M (the paper's M with a bar), of n = H · W cells. Every measure
takes raw maps (..., H, W) and gives one value a map (...,), independent of a positive factor, finite with its gradient.

**Mind the dead maps.** A map without heat counts as the constant map that it is, unless ``dead`` gives another value:
put :func:`dead_maps` beside every mean, or leave them out with ``dead=float("nan")`` and a nanmean.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from papers_lib.cams import full_precision
from papers_lib.errors import one_of

Form = Literal["relu", "shifted"]


def heat(maps: Tensor, form: Form = "relu") -> Tensor:
    """Heat M (..., H, W), at least 0, of raw maps: relu(raw) (equation 4), or raw - min raw.

    "shifted" is ours: it has a gradient on negative maps, but loses the offset that the dispersion is to show (III
    A).

    >>> raw = torch.tensor([[-1.0, 0.0, 2.0]])
    >>> heat(raw).tolist(), heat(raw, "shifted").tolist()
    ([[0.0, 0.0, 2.0]], [[0.0, 1.0, 3.0]])
    """
    if maps.ndim < 2 or 0 in maps.shape[-2:] or not maps.is_floating_point():
        raise ValueError(
            f"maps: expected floating-point maps (..., H, W), got {tuple(maps.shape)} of {maps.dtype}"
        )
    raw = full_precision(maps)
    one_of("form", form, ("relu", "shifted"))
    return raw.relu() if form == "relu" else raw - raw.amin((-2, -1), keepdim=True)


def dead_maps(maps: Tensor, form: Form = "relu") -> Tensor:
    """Maps without heat (...,), max M <= 1e-30 (float16: its smallest normal number, 6e-5): nothing to measure.

    A NaN map is not dead.

    >>> raw = torch.tensor([[[-1.0, -2.0]], [[3.0, 3.0]]])
    >>> dead_maps(raw).tolist(), dead_maps(raw, "shifted").tolist()
    ([True, False], [False, True])
    """
    return _dead(heat(maps.detach(), form), maps.dtype)


def cam_entropy(maps: Tensor, form: Form = "relu", *, dead: float | None = None) -> Tensor:
    """CAM entropy ce = -sum p ln p, in nats (equation 1), in [0, ln n], lower is sharper.

    A cell without heat has the gradient 0. **Dead maps count as ln n.**

    >>> cam_entropy(torch.tensor([[2.0, 2.0], [0.0, -1.0]])).item()  # two equal cells: ln 2
    0.6931471824645996
    """
    M, without = _scaled(maps, form)
    total = M.sum((-2, -1))
    # ln sum M - sum M ln M / sum M: with 0 <= M <= 1 both parts are positive, so nothing cancels.
    logs = torch.where(M == 0, 1.0, M).log()
    return _filled(total.log() - (M * logs).sum((-2, -1)) / total, without, dead)


def normalized_cam_entropy(maps: Tensor, form: Form = "relu", *, dead: float | None = None) -> Tensor:
    """CAM entropy as a share of its maximum, ce / ln n; two cells or more. **Dead maps count as 1.**

    Not in the paper, whose Table I prints entropies below 1 without saying how they are normalised.
    """
    cells = math.prod(maps.shape[-2:])
    if cells == 1:
        raise ValueError(f"maps: expected two cells or more, got {tuple(maps.shape)}")
    share = cam_entropy(maps, form) / math.log(cells)
    return _filled(share, dead_maps(maps, form), dead)


def ellipsoidal_area(maps: Tensor, form: Form = "relu", *, dead: float | None = None) -> Tensor:
    """CAM ellipsoidal area ca = sqrt(λ1 λ2), λ the eigenvalues of the covariance of p (equation 2).

    In [0, (H - 1)(W - 1) / 4], lower is sharper. Computed as the standard deviation of the columns times that of the
    rows about their regression on the columns. Heat on a line has area and gradient 0. **Dead maps count as the
    uniform map.**

    >>> round(ellipsoidal_area(torch.ones(6, 6)).item(), 4)  # (36 - 1) / 12
    2.9167
    >>> ellipsoidal_area(torch.eye(6)).item()  # a line
    0.0
    """
    M, without = _scaled(maps, form)
    p = M / M.sum((-2, -1), keepdim=True)
    rows = torch.arange(p.shape[-2], dtype=p.dtype, device=p.device)[:, None]
    columns = torch.arange(p.shape[-1], dtype=p.dtype, device=p.device)
    y, x = rows - _total(p * rows), columns - _total(p * columns)
    variance, tiny = _total(p * x.square()), torch.finfo(p.dtype).tiny
    slope = _total(p * x * y) / torch.where(variance < tiny, 1.0, variance)
    rest = _total(p * (y - slope * x).square())  # det = variance · rest
    line = _on_one_line(M) & ~rest.isnan() | (variance < tiny) | (rest < tiny)
    area = torch.where(line, 1.0, variance).sqrt() * torch.where(line, 1.0, rest).sqrt()
    return _filled(torch.where(line, 0.0, area)[..., 0, 0], without, dead)


def dispersion(maps: Tensor, form: Form = "relu", *, dead: float | None = None) -> Tensor:
    """CAM dispersion cd = σ² / μ² of the map's values, as printed (equation 3), in [0, n - 1], higher is sharper.

    Table I's "cd" is rather :func:`coefficient_of_variation`. **Dead maps count as 0.**

    >>> round(dispersion(torch.tensor([[3.0, 1.0]])).item(), 4)  # σ = 1, μ = 2
    0.25
    """
    M, without = _scaled(maps, form)
    variance, mean = _moments(M)
    return _filled(variance / mean.square(), without, dead)


def coefficient_of_variation(maps: Tensor, form: Form = "relu", *, dead: float | None = None) -> Tensor:
    """Coefficient of variation σ / μ: the root of equation 3, which fits Table I's "cd".

    A constant map has the gradient 0, at the tip of the cone. **Dead maps count as 0.**
    """
    M, without = _scaled(maps, form)
    variance, mean = _moments(M)
    deviation = torch.where(variance == 0, 0.0, torch.where(variance == 0, 1.0, variance).sqrt())
    return _filled(deviation / mean, without, dead)


MEASURES: dict[str, Callable[..., Tensor]] = {
    "ce": cam_entropy,
    "ce_norm": normalized_cam_entropy,
    "ca": ellipsoidal_area,
    "cd": dispersion,
    "cv": coefficient_of_variation,
}
HIGHER_IS_SHARPER = frozenset({"cd", "cv"})


def _scaled(maps: Tensor, form: Form) -> tuple[Tensor, Tensor]:
    """M divided by its maximum, a map of ones for a dead one; and which are dead.

    The maximum is a constant to the gradient: the measures do not depend on it, so that nothing is lost.
    """
    M = heat(maps, form)
    dead = _dead(M, maps.dtype)
    peak = torch.where(dead, 1.0, M.detach().amax((-2, -1)))
    return torch.where(dead[..., None, None], 1.0, M) / peak[..., None, None], dead


def _dead(M: Tensor, dtype: torch.dtype) -> Tensor:
    # The gradient goes with 1 / max, which must not overflow; NaN compares false, so that it stays visible.
    return M.detach().amax((-2, -1)) <= max(1e-30, torch.finfo(dtype).tiny)


def _filled(values: Tensor, without: Tensor, dead: float | None) -> Tensor:
    return values if dead is None else torch.where(without, dead, values)


def _total(values: Tensor) -> Tensor:
    return values.sum((-2, -1), keepdim=True)


def _moments(M: Tensor) -> tuple[Tensor, Tensor]:
    """Variance and mean of maps whose maximum is 1."""
    gap = 1 - M  # exactly 0 for a constant map, and so is its variance, however a device rounds a mean
    variance = (gap - gap.mean((-2, -1), keepdim=True)).square().mean((-2, -1))
    return variance, M.mean((-2, -1))


def _on_one_line(M: Tensor) -> Tensor:
    """Whether all cells with heat lie on one straight line, (..., 1, 1): in integers, since rounding hides it."""
    height, width = M.shape[-2:]
    index = torch.arange(height * width, device=M.device)
    hot = (M.detach() != 0).flatten(-2)
    first = torch.where(hot, index, height * width).amin(-1, keepdim=True)
    last = torch.where(hot, index, -1).amax(-1, keepdim=True)
    down, right = index // width - first // width, index % width - first % width
    cross = down * (last % width - first % width) - right * (last // width - first // width)
    return (~hot | (cross == 0)).all(-1)[..., None, None]
