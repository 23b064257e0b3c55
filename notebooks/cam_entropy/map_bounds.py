"""What a map's least and greatest value leave open: bounds of its entropy, dispersion and ellipsoidal area.

Notation: M, a map of n cells with values in [a, b], 0 < a <= b; p = M / ΣM; r = b / a. The measures are those
of Schöttl's paper: ce (equation 1), ca (2), cd (3), without their code: the bounds need none of it.

One argument serves them all. The p that such maps can have are {p : a s <= p_i <= b s for some s, Σp = 1}. A
vertex of this polytope has each cell at a s or at b s, so it belongs to a two-valued map: k cells at b, the
others at a. A function concave in p has its minimum at a vertex, a convex one its maximum.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def largest_dispersion(low: float, high: float, cells: int | None = None) -> float:
    """Largest σ²/μ² of a map within [low, high], for any number of cells or for exactly ``cells``.

    Proof. σ² <= (b - μ)(μ - a), as the mean of (b - M)(M - a) >= 0 shows. With u = 1/μ the bound of σ²/μ²
    is -ab u² + (a + b) u - 1, greatest at u = (a + b) / 2ab: (b - a)² / 4ab. It needs a share a / (a + b) of the
    cells at b. For n cells: σ²/μ² = n Σp² - 1 is convex in p, so the best k is exact (module docstring).

    Args: low, high: 0 < low <= high. cells: at least 2. Raises: ValueError for others.

    >>> largest_dispersion(1.0, 2.0), round(largest_dispersion(1.0, 2.0, cells=2), 6)  # 1/8; (1/2)² / (3/2)²
    (0.125, 0.111111)
    """
    _check(low, high, cells)
    if cells is None:
        return (high - low) ** 2 / (4 * low * high)
    p = _two_valued(low, high, cells)
    return float(cells * (p**2).sum(axis=1).max() - 1)


def least_dispersion(low: float, high: float, cells: int) -> float:
    """Least σ²/μ² of a map of ``cells`` whose least value is ``low`` and whose greatest is ``high``.

    Proof. One cell is at a, one at b; for any sum of the others Σp² is least where these are equal, to c. The
    derivative of (a² + b² + (n - 2) c²) / (a + b + (n - 2) c)² vanishes at c = (a² + b²) / (a + b) only, which
    lies in [a, b]. There numerator = c · sum, so that n Σp² - 1 = n c / (a + b + (n - 2) c) - 1.

    Args, raises: as :func:`largest_dispersion`.

    >>> round(least_dispersion(1.0, 2.0, cells=3), 6)  # the third at 5/3: 3 · (5/3) / (14/3) - 1 = 1/14
    0.071429
    """
    _check(low, high, cells)
    c = (low**2 + high**2) / (low + high)
    return cells * c / (low + high + (cells - 2) * c) - 1


def least_entropy(low: float, high: float, cells: int) -> float:
    """Least entropy -Σ p ln p of a map of ``cells`` within [low, high], in nats; exact.

    Proof. The entropy is concave in p, so its minimum is at a two-valued map; the best k is found by trying all.

    Args, raises: as :func:`largest_dispersion`.

    >>> round(least_entropy(1.0, 3.0, cells=2), 4)  # p = 1/4, 3/4
    0.5623
    """
    _check(low, high, cells)
    p = _two_valued(low, high, cells)
    return float(-(p * np.log(p)).sum(axis=1).max())


def largest_entropy_deficit(low: float, high: float) -> float:
    """Bound of ln n - ce over maps within [low, high], whatever the number n of cells.

    Proof. With a share of the cells at b and mean m (in units of a) the deficit of a two-valued map is
    s - s/m - ln m, where s = r ln r / (r - 1); its derivative s/m² - 1/m vanishes at m = s: s - 1 - ln s.

    Args, raises: as :func:`largest_dispersion`.

    >>> round(largest_entropy_deficit(1.0, 2.0), 5)  # s = 2 ln 2 = 1.38629, ln s = 0.32663
    0.05966
    """
    _check(low, high)
    if low == high:
        return 0.0
    r = high / low
    s = r * math.log(r) / (r - 1)
    return s - 1 - math.log(s)


def most_cells(entropy_share: float, low: float, high: float) -> int:
    """Most cells of a map within [low, high] that can have ce / ln n <= ``entropy_share``; 1 where none can.

    Proof. (1 - share) ln n <= ln n - ce <= :func:`largest_entropy_deficit` bounds n; below it
    :func:`least_entropy` is exact, and every value between it and 1 is taken, as the maps are a connected set.

    Args: entropy_share: in [0, 1). low, high: as :func:`largest_dispersion`. Raises: ValueError for others.

    >>> most_cells(0.82, 1.0, 3.0)  # two cells: 0.5623 / ln 2 = 0.811; three: at least 0.865
    2
    """
    if not 0 <= entropy_share < 1:
        raise ValueError(f"entropy_share is {entropy_share}; expected a number in [0, 1)")
    limit = math.floor(math.exp(largest_entropy_deficit(low, high) / (1 - entropy_share)))
    fitting = (n for n in range(limit, 1, -1) if least_entropy(low, high, n) <= entropy_share * math.log(n))
    return next(fitting, 1)


def least_entropy_given_dispersion(dispersion: float, cells: int) -> float:
    """Lower bound of ce for a map of ``cells`` with σ²/μ² = ``dispersion``, whatever its least and greatest value.

    Proof. ln n - ce = Σ p ln(n p) is at most ln Σ p (n p) (Jensen) = ln(n Σp²) = ln(1 + σ²/μ²).

    Args: dispersion: >= 0. cells: at least 2. Raises: ValueError for others.

    >>> round(least_entropy_given_dispersion(1.0, cells=4), 4)  # ln 4 - ln 2: half the cells equal, half 0
    0.6931
    """
    if dispersion < 0 or cells < 2:
        raise ValueError(f"dispersion is {dispersion}, cells is {cells}; expected >= 0 and >= 2")
    return math.log(cells) - math.log1p(dispersion)


def uniform_area(height: int, width: int) -> float:
    """ca of the constant map, in cells: sqrt((h² - 1)(w² - 1)) / 12, from the variance (n² - 1) / 12 of 0 ... n - 1.

    >>> round(uniform_area(6, 6), 4)
    2.9167
    """
    return math.sqrt((height**2 - 1) * (width**2 - 1)) / 12


def area_limit(height: int, width: int) -> float:
    """Largest ca of any map: ((h - 1) / 2) ((w - 1) / 2), by four equal corners and nothing else.

    Proof. det C <= var(x) var(y) (Hadamard), and a variance on [0, n - 1] is at most ((n - 1) / 2)² (Popoviciu).

    >>> area_limit(6, 6)
    6.25
    """
    return (height - 1) * (width - 1) / 4


def largest_area(low: float, high: float, side: int) -> float:
    """Largest ca of a square map within [low, high], in cells; exact.

    Proof. ca = sqrt(det C) is concave in p: C = E[x xᵀ] - E[x] E[x]ᵀ is, and sqrt(det) of 2 x 2 matrices is
    concave and increasing. So the mean of a best p over the square's eight symmetries is as good; its C is
    c · I about the centre, and its ca = c is half the mean squared distance from the centre. That is linear
    in p, and greatest with the k farthest cells at b for some k.

    Args: low, high: as :func:`largest_dispersion`. side: cells a side, at least 2. Raises: ValueError for others.

    >>> largest_area(1.0, 3.0, side=2), round(largest_area(1.0, 3.0, side=3), 4)  # (4·3·2 + 4·1) / 17 / 2 = .8235
    (0.25, 0.8235)
    """
    _check(low, high, side)
    distance = (_points(side) ** 2).sum(axis=1)
    return float(_best_means(-distance[None], low, high)[0][0]) / -2


def least_area_bound(low: float, high: float, side: int) -> float:
    """Lower bound of ca for a square map within [low, high], in cells: (low / high) · ca of the constant map.

    Proof. p = t u + (1 - t) q with u constant, q a distribution and t = a / mean(M) >= a/b. The covariance of a
    mixture is at least the mixture of the covariances, so C >= t C_u, and ca >= t ca_u. Sound, not tight:
    :func:`least_area_found` is a map's own ca, and the true least value lies between the two.

    Args, raises: as :func:`largest_area`.

    >>> round(least_area_bound(1.0, 2.0, side=6), 4)
    1.4583
    """
    _check(low, high, side)
    return low / high * uniform_area(side, side)


def least_area_found(low: float, high: float, side: int) -> tuple[float, Array]:
    """Least ca that a search over square maps within [low, high] finds, and that map: not proven to be the least.

    ca = ½ min over centres m and S with det S = 1 of E_p[(x - m)ᵀ S (x - m)] (inequality of the means for the
    eigenvalues of S C). Alternating minimisation: given p the best S is C^-1 up to a factor, given S the best p
    has the k nearest cells at b. Each step lowers ca, from ellipses of nine shapes at every half cell.

    Args, raises: as :func:`largest_area`.
    Returns: ca in cells, map (side, side) of values low and high.

    >>> area, least = least_area_found(1.0, 3.0, side=3)
    >>> round(area, 4), least.tolist()  # variances 8/15 - (2/15)², covariance -(2/15)²: sqrt(116² - 4²) / 225
    (0.5152, [[1.0, 3.0, 1.0], [3.0, 3.0, 1.0], [1.0, 1.0, 1.0]])
    """
    _check(low, high, side)
    points = _points(side)
    half = np.arange(2 * side - 1) / 2 - (side - 1) / 2
    centres = np.stack(np.meshgrid(half, half), axis=-1).reshape(-1, 1, 2)
    offset = points - centres
    shapes = [np.eye(2)]
    for stretch in (2.0, 4.0):
        for turn in np.arange(4) * math.pi / 4:
            axis = np.array([math.cos(turn), math.sin(turn)])
            shapes.append(np.eye(2) + (stretch**2 - 1) * np.outer(axis, axis))
    distance = np.concatenate([np.einsum("bni,ij,bnj->bn", offset, shape, offset) for shape in shapes])
    best = np.full(len(distance), np.inf)
    while True:
        _, maps = _best_means(distance, low, high)
        p = maps / maps.sum(axis=1, keepdims=True)
        offset = points - (p @ points)[:, None]
        covariance = np.einsum("bn,bni,bnj->bij", p, offset, offset)
        area = np.sqrt(np.linalg.det(covariance))
        if (area > best - 1e-12).all():
            break
        best = np.minimum(area, best)
        distance = np.einsum("bni,bij,bnj->bn", offset, np.linalg.inv(covariance), offset)
    first = int(np.argmin(area.round(12)))
    return float(area[first]), maps[first].reshape(side, side)


def _points(side: int) -> Array:
    """Centres of the cells (side², 2), about the middle of the map."""
    line = np.arange(side) - (side - 1) / 2
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)


def _two_valued(low: float, high: float, cells: int) -> Array:
    """p of the maps with k = 0 ... n cells at ``high``: (n + 1, n)."""
    maps = np.where(np.arange(cells) < np.arange(cells + 1)[:, None], high, low)
    return maps / maps.sum(axis=1, keepdims=True)


def _best_means(scores: Array, low: float, high: float) -> tuple[Array, Array]:
    """Least E_p[score] and the map that has it: the k cells of the lowest scores at ``high``; rows (B, n)."""
    count, n = scores.shape
    order = np.argsort(scores.round(12), axis=1, kind="stable")
    running = np.cumsum(np.take_along_axis(scores, order, axis=1), axis=1)
    running = np.concatenate([np.zeros((count, 1)), running], axis=1)
    means = (low * running[:, -1:] + (high - low) * running) / (n * low + np.arange(n + 1) * (high - low))
    k = means.argmin(axis=1)
    rank = np.argsort(order, axis=1)
    return means.min(axis=1), np.where(rank < k[:, None], high, low)


def _check(low: float, high: float, cells: int | None = None) -> None:
    if not 0 < low <= high < math.inf:
        raise ValueError(f"low is {low}, high is {high}; expected 0 < low <= high")
    if cells is not None and cells < 2:
        raise ValueError(f"{cells} cells; expected at least 2")
