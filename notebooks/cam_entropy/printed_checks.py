"""What Table I of the CAM-entropy paper prints, and the intervals that its own extremes leave for it.

Schöttl, arXiv 2009.12546. The bounds and their proofs are in :mod:`.map_bounds`.

A verdict allows for rounding: a number is out of reach if it stays so wherever each printed number in play
moves within half a unit of its last place (only the corners are tried: quotients are monotone in each number).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, NamedTuple

from cam_entropy import map_bounds as bound

Numbers = Mapping[str, Any]
Point = Mapping[str, float]  # numbers of Table I by row
Bounds = tuple[float, float]
COLUMNS = {"beta0": "β = 0", "beta100": "β = 100"}
EXTREMES = ("min_map", "max_map")


def map_side(numbers: Numbers) -> int:
    """Cells a side of the last convolution's map: 192 px at stride 32 make 6."""
    return int(numbers["setup"]["picture_px"]) // int(numbers["network"]["stride_px"])


def _dispersion(at: Point, side: int) -> Bounds:
    low, high = at["min_map"], at["max_map"]
    return bound.least_dispersion(low, high, side**2), bound.largest_dispersion(low, high)


def _variation(at: Point, side: int) -> Bounds:
    least, greatest = _dispersion(at, side)
    return math.sqrt(least), math.sqrt(greatest)


def _entropy(at: Point, side: int) -> Bounds:
    return bound.least_entropy(at["min_map"], at["max_map"], side**2), math.log(side**2)


def _normalized_entropy(at: Point, side: int) -> Bounds:
    return _entropy(at, side)[0] / math.log(side**2), 1.0


def _entropy_given_dispersion(at: Point, side: int) -> Bounds:
    return bound.least_entropy_given_dispersion(at["cd"], side**2) / math.log(side**2), 1.0


def area(at: Point, side: int) -> Bounds:
    """Sound bounds of ca in cells for a square map with the point's extremes; the greater one is exact."""
    low, high = at["min_map"], at["max_map"]
    return bound.least_area_bound(low, high, side), bound.largest_area(low, high, side)


def logit(at: Point, side: int) -> Bounds:
    """Bounds of the logit of the map's class if Z = HW and no bias adds to it.

    Global average pooling, f_k = mean_ij A_kij, and a head linear in pieces: Σ_k f_k dy/df_k = y - B, where B is
    the part that the biases make (all of y at f = 0 on the same piece). Equation 5 gives α_k = (1/Z) dy/df_k, so
    that Z · mean(M) = y - B for the map before equation 4's ReLU. The printed minima are positive: it cut nothing.
    The paper gives neither Z nor the biases. A logit out of reach leaves open which of these holds: biases that
    matter, another Z, a map scaled differently, or a map that is not that of the largest logit. The quotient of
    the two columns is free of Z, as long as it is the constant that the paper calls it.
    """
    return side**2 * at["min_map"], side**2 * at["max_map"]


@dataclass(frozen=True)
class Check:
    """One printed quantity and the interval that it has to lie in.

    Attributes: name: in scalars; row: of Table I; quantity: in words; bounds: of a column's numbers and the map's
    side; end: the one that scalars compare with, if any; ratio: β = 100 over β = 0, not each; uses: rows that
    bounds need.
    """

    name: str
    row: str
    quantity: str
    bounds: Callable[[Point, int], Bounds]
    end: Literal["least", "greatest"] | None
    ratio: bool = False
    uses: tuple[str, ...] = EXTREMES


_GIVEN_CD = "ce / ln HW, given cd as σ²/μ²"
CHECKS = (
    Check("cd", "cd", "cd as σ²/μ² (equation 3)", _dispersion, "greatest"),
    Check("cv", "cd", "cd as σ/μ", _variation, "greatest"),
    Check("ce", "ce", "ce (equation 1)", _entropy, "least"),
    Check("ce_norm", "ce", "ce / ln HW", _normalized_entropy, "least"),
    Check("ce_ratio", "ce", "ce, logarithm of any base", _entropy, "least", ratio=True),
    Check("ce_given_cd", "ce", _GIVEN_CD, _entropy_given_dispersion, "least", uses=("cd",)),
    Check("ca", "ca", "ca in cells (equation 2)", area, "least"),
    Check("ca_ratio", "ca", "ca, any unit of length", area, "least", ratio=True),
    Check("logit", "max_logit", "largest logit, no biases, Z = HW", logit, None),
    Check("logit_ratio", "max_logit", "largest logit, no biases, any Z", logit, "greatest", ratio=True),
)


class Outcome(NamedTuple):
    """A printed value and the interval that it has to lie in.

    Attributes: value, least, greatest: of the numbers as printed; over_least, over_greatest: the largest value / least
    and the smallest value / greatest that rounding allows, so that below 1 or above 1 it is out of reach; within:
    the bounds do not exclude it.
    """

    value: float
    least: float
    greatest: float
    over_least: float
    over_greatest: float
    within: bool


def outcome(check: Check, numbers: Numbers, column: str) -> Outcome:
    """One check of one column; a ratio's column is beta100, and it uses both."""
    side, rows = map_side(numbers), tuple(dict.fromkeys((check.row, *check.uses)))
    columns = tuple(COLUMNS) if check.ratio else (column,)

    def evaluate(points: Sequence[Point]) -> tuple[float, float, float]:
        values = [point[check.row] for point in points]
        ends = [check.bounds(point, side) for point in points]
        if not check.ratio:
            return values[0], *ends[0]
        return values[1] / values[0], ends[1][0] / ends[0][1], ends[1][1] / ends[0][0]

    value, least, greatest = evaluate([{row: numbers["table1"][row][c] for row in rows} for c in columns])
    corners = [evaluate(points) for points in product(*(corners_of(numbers, rows, c) for c in columns))]
    over_least = max(value_at / least_at for value_at, least_at, _ in corners)
    over_greatest = min(value_at / greatest_at for value_at, _, greatest_at in corners)
    return Outcome(value, least, greatest, over_least, over_greatest, over_least >= 1 >= over_greatest)


def outcomes(check: Check, numbers: Numbers) -> dict[str, Outcome]:
    """A check's outcomes by column; a ratio has one, under beta100."""
    columns = ("beta100",) if check.ratio else tuple(COLUMNS)
    return {column: outcome(check, numbers, column) for column in columns}


def corners_of(numbers: Numbers, rows: Sequence[str], column: str) -> list[dict[str, float]]:
    """A column's numbers with each moved by half a unit of its last place, in every combination of signs."""
    table = {row: numbers["table1"][row] for row in rows}
    ends = [rounding(table[row][column], table[row]["decimals"]) for row in rows]
    return [dict(zip(rows, corner, strict=True)) for corner in product(*ends)]


def rounding(printed: float, decimals: int) -> Bounds:
    """Least and greatest number that is printed so.

    >>> rounding(2.5, 0)
    (2.0, 3.0)
    """
    return printed - 0.5 * 10.0**-decimals, printed + 0.5 * 10.0**-decimals
