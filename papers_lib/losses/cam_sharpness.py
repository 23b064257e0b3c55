"""The sharpness term of the training loss: CE + β · ce of the true class's map (Schöttl, equation 6)."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from papers_lib.cams import class_indices
from papers_lib.errors import one_of
from papers_lib.metrics.sharpness import HIGHER_IS_SHARPER, MEASURES, Form, dead_maps


class SharpnessTerm(NamedTuple):
    """The term, without β: a scalar, or (B,) unreduced; and the share of true-class maps that are dead."""

    loss: Tensor
    dead_share: Tensor


def cam_sharpness_loss(
    maps: Tensor,
    target: Tensor | None = None,
    *,
    measure: str = "ce",
    form: Form = "relu",
    others: float = 0.0,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> SharpnessTerm:
    """Measure of the true class's map, to be added to the classification loss with the weight β (equation 6).

    An image's term is f(M_true) - others · mean of f(M_k) over the other classes (section III B), the weight is ours.

    The paper does not say how "ca" and "cd" enter; "cd" and "cv", which are to grow, enter negated. **A dead map**
    (:func:`papers_lib.metrics.sharpness.dead_maps`) **costs 0 and teaches nothing**: log ``dead_share``.

    Args: maps, raw, with their graph, of the true class (B, H, W), or of all classes (B, K, H, W) with target, class
    indices (B,); measure, a key of ``MEASURES``: "ce" (the paper's), "ce_norm", "ca", "cd" or "cv"; form, "relu" (the
    paper's) or "shifted", see :func:`papers_lib.metrics.sharpness.heat`; others, weight of the other classes, at
    least 0.

    >>> raw = torch.tensor([[[2.0, 2.0], [0.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]]])
    >>> term = cam_sharpness_loss(raw)
    >>> round(term.loss.item(), 4), term.dead_share.item()  # (ln 2 + 0) / 2
    (0.3466, 0.5)
    """
    one_of("measure", measure, MEASURES)
    one_of("reduction", reduction, ("mean", "sum", "none"))
    if not 0 <= others < float("inf"):
        raise ValueError(f"others: expected a finite weight of at least 0, got {others}")
    _check(maps, target, others)

    f, sign = MEASURES[measure], -1.0 if measure in HIGHER_IS_SHARPER else 1.0
    rows = torch.arange(len(maps), device=maps.device)
    true_maps = maps if target is None else maps[rows, target.long()]
    terms = sign * f(true_maps, form, dead=0.0)
    if others > 0 and target is not None:
        counted = ~dead_maps(maps, form)
        counted[rows, target.long()] = False
        values = torch.where(counted, sign * f(maps, form, dead=0.0), 0.0)
        terms = terms - others * values.sum(1) / counted.sum(1).clamp(min=1)
    dead_share = dead_maps(true_maps, form).float().mean()
    if reduction == "none":
        return SharpnessTerm(terms, dead_share)
    return SharpnessTerm(terms.mean() if reduction == "mean" else terms.sum(), dead_share)


def _check(maps: Tensor, target: Tensor | None, others: float) -> None:
    shape = tuple(maps.shape)
    if maps.ndim not in (3, 4) or maps.numel() == 0:
        raise ValueError(f"maps: expected (B, H, W) or (B, K, H, W), not empty, got {shape}")
    if (target is None) != (maps.ndim == 3):
        raise ValueError(f"target: expected with maps of all classes (B, K, H, W) only, got maps {shape}")
    if target is not None:
        class_indices(target, *shape[:2])
    if others > 0 and (maps.ndim == 3 or shape[1] < 2):
        raise ValueError(f"others: {others} needs maps of two classes or more, got {shape}")
