"""Multi-instance pooling (Li et al., CVPR 2018): the image is positive when at least one cell of its map is."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from papers_lib.cams import full_precision

FLOOR = 0.98
_SMALL = 1e-3  # below, a Taylor series: in double precision its first missing term is under 1e-13


def mil_logits(maps: Tensor, floor: float = FLOOR) -> Tensor:
    """Logit (B, K) of P = 1 - prod_i q_i over cells, with p_i = sigmoid(cell), q_i = floor + (1 - floor)(1 - p_i).

    Li et al. (2018) squeeze each factor 1 - p of the product into [0.98, 1] against underflow; PYLON's benchmark
    (STAR Methods) trains on log(P / (1 - P)), at most log(floor^-n - 1) for n cells. Args: maps, raw (B, K, h, w),
    logits of the cells; floor, the smallest factor, in [1e-6, 1).

    >>> cells = torch.tensor([0.0, 0.0]).reshape(1, 1, 1, 2)  # p = 1/2, q = 3/4, P = 7/16, odds 7/9
    >>> round(mil_logits(cells, floor=0.5).exp().item() * 9, 4)
    7.0
    """
    log_p = F.logsigmoid(full_precision(maps)).flatten(2)
    u = (1 - floor) * log_p.exp()  # 1 - q
    series = math.log(1 - floor) + log_p + u / 2 + 5 * u**2 / 24 + u**3 / 8
    # Each branch of a where is differentiated, so neither may meet what it cannot stand.
    small = u < _SMALL
    exact = (-torch.log1p(-torch.where(small, _SMALL, u))).log()
    log_t = torch.where(small, series, exact).logsumexp(-1)
    t = log_t.exp()
    small = t < _SMALL
    exact = (-torch.expm1(-torch.where(small, 1, t))).log() + t
    return torch.where(small, log_t + t / 2 + t**2 / 24, exact)


def mil_cell_logit(probability: Tensor, cells: int, floor: float = FLOOR) -> Tensor:
    """Logit of each cell of a constant map whose pooled probability is P: the inverse for such maps.

    p = (1 - (1 - P)^(1/n)) / (1 - floor) for n cells. P in (0, 1) beyond what n cells can reach gives p = 0.99.

    >>> round(mil_cell_logit(torch.tensor(7 / 16), cells=2, floor=0.5).item(), 5)  # p = 1/2
    0.0
    """
    P = full_precision(probability)
    p = -torch.expm1(torch.log1p(-P) / cells) / (1 - floor)
    return p.clamp(max=0.99).logit()
