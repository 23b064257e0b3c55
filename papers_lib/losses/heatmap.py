"""The losses of the heatmap paper: a penalty on attention outside the organ, beside MSE or CCE on sigmoid outputs.

Source: Callanan et al., section 1 and figure 1.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from papers_lib.cams import class_indices, full_precision
from papers_lib.errors import one_of

FORMS = ("mean", "sum", "share", "dice")


def heatmap_loss(
    maps: Tensor,
    outside: Tensor,
    *,
    form: Literal["mean", "sum", "share", "dice"] = "mean",
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Tensor:
    """Penalty on the part of the map that lies outside the organ.

    With the map H, the outside mask M and Hn = relu(H) / max H, an image's term is, by form:

    - "mean": mean over cells of Hn · M, as the authors coded it;
    - "sum": sum over cells of Hn · M, as the paper words it;
    - "share": sum Hn · M / sum Hn, the share of the heat that lies outside;
    - "dice": 1 - 2 sum Hn (1 - M) / (sum Hn + sum (1 - M)), after the paper's pointer to Dice (1945).

    Deviation: a dead map (max H <= 1e-30; float16: 6e-5), the authors' 0/0, has term and gradient 0: log
    :func:`dead_share`.

    Args: maps, raw H (B, h, w), with their graph, a positive factor cancels; outside, M (B, h, w) in [0, 1], 1
    outside the organ, at the map's size (:func:`shrink_mask`); reduction, over the images. Returns: a scalar, or (B,)
    for "none".

    >>> H = torch.tensor([[[4.0, 2.0], [-1.0, 1.0]]])
    >>> M = torch.tensor([[[0.0, 1.0], [1.0, 1.0]]])
    >>> heatmap_loss(H, M).item()  # (2/4 + 1/4) / 4 cells
    0.1875
    """
    if maps.ndim != 3 or maps.shape != outside.shape or maps.numel() == 0:
        raise ValueError(
            "expected maps and outside of one shape (B, h, w), not empty, "
            f"got {tuple(maps.shape)} and {tuple(outside.shape)}"
        )
    one_of("form", form, FORMS)
    one_of("reduction", reduction, ("mean", "sum", "none"))
    low, high = (bound.item() for bound in outside.detach().float().aminmax())
    if not (low >= 0 and high <= 1):
        raise ValueError(f"outside: expected values in [0, 1], got {low:g} to {high:g}")

    dead = _dead(maps)[:, None, None]
    H = full_precision(maps)
    H = torch.where(dead, 1.0, H).relu()  # a stand-in, so that no branch divides by zero
    M = outside.to(H.dtype)
    heat_outside = (H * M).sum((1, 2))  # sums first, one division by max H an image
    if form == "mean":
        terms = heat_outside / (H.amax((1, 2)) * maps[0].numel())
    elif form == "sum":
        terms = heat_outside / H.amax((1, 2))
    elif form == "share":
        terms = heat_outside / H.sum((1, 2))
    else:
        heat, peak = H.sum((1, 2)), H.amax((1, 2))
        terms = 1 - 2 * (heat - heat_outside) / (heat + peak * (1 - M).sum((1, 2)))
    terms = torch.where(dead[:, 0, 0], 0.0, terms)
    if reduction == "none":
        return terms
    return terms.mean() if reduction == "mean" else terms.sum()


def dead_share(maps: Tensor) -> Tensor:
    """Share of raw maps (B, h, w) without positive heat, which cost and teach nothing; a NaN map is not dead.

    >>> dead_share(torch.tensor([[[0.0, -1.0]], [[2.0, -1.0]]])).item()
    0.5
    """
    return _dead(maps).float().mean()


def shrink_mask(mask: Tensor, size: tuple[int, int], how: Literal["point", "area"] = "point") -> Tensor:
    """Mask (B, H, W), boolean or in [0, 1], at the size (h, w) of the maps.

    "point" samples bilinearly at the centres of the cells, as the authors do; "area" averages the pixels under a
    cell.

    >>> row = torch.tensor([[[1.0, 0.0, 0.0, 0.0, 0.0, 1.0]]])
    >>> shrink_mask(row, (1, 2)).tolist(), shrink_mask(row, (1, 2), "area")[0, 0, 0].item()
    ([[[0.0, 0.0]]], 0.3333333432674408)
    """
    one_of("how", how, ("point", "area"))
    grid = mask[:, None] if mask.is_floating_point() else mask[:, None].float()
    if how == "point":
        return F.interpolate(grid, size, mode="bilinear", align_corners=False, antialias=False)[:, 0]
    return F.adaptive_avg_pool2d(grid, size)[:, 0]


def sigmoid_mse(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over images and outputs of (y - sigmoid(z))², y one-hot (the paper's "MSE component", section 1).

    Args: logits z (B, K); target, class indices (B,).
    """
    z = _checked_logits(logits, target)
    return (F.one_hot(target.long(), z.shape[1]).to(z.dtype) - z.sigmoid()).square().mean()


def sigmoid_cce(logits: Tensor, target: Tensor) -> Tensor:
    """Keras's categorical cross entropy on sigmoid outputs, mean over images: -log(p_c / sum_k p_k), p = sigmoid(z).

    Deviation: from log-sigmoids, without Keras's clipping of p to [1e-7, 1 - 1e-7]. Args: as :func:`sigmoid_mse`.
    """
    z = _checked_logits(logits, target)
    return F.cross_entropy(F.logsigmoid(z), target.long())


def _dead(maps: Tensor) -> Tensor:
    # The gradient goes with 1 / max, which must not overflow; NaN compares false, so that it stays visible.
    return maps.detach().amax((1, 2)) <= max(1e-30, torch.finfo(maps.dtype).tiny)


def _checked_logits(logits: Tensor, target: Tensor) -> Tensor:
    if logits.ndim != 2 or logits.numel() == 0:
        raise ValueError(f"logits: expected (B, K), not empty, got {tuple(logits.shape)}")
    class_indices(target, *logits.shape)
    return full_precision(logits)
