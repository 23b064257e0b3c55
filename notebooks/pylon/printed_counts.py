"""Counting and comparing in a printed table of classes by methods.

Every comparison is in whole hundredths, as printed, so that ties are ties. A recomputed average agrees with the
printed one if some numbers that round to the printed cells have it: within half a hundredth for the cells and half
of one for the average.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from papers_lib.stats_ranks import Correlation, spearman
from pylon.printed import AREA, MACRO, WEIGHTED

ROUNDING = 0.01  # half a hundredth of the cells and half of one of their average
_SLACK = 1e-9  # of binary fractions


class Standing(NamedTuple):
    """Classes in which a method is strictly above, level with and below the best of its rivals."""

    ahead: list[str]
    tied: list[str]
    behind: list[str]


def of_classes(table: pd.DataFrame) -> pd.DataFrame:
    """The table without its two rows of averages."""
    return table.drop(index=[WEIGHTED, MACRO])


def methods_of(table: pd.DataFrame) -> list[str]:
    """The columns but the average area."""
    return [column for column in table.columns if column != AREA]


def hundredths(cells: pd.DataFrame) -> pd.DataFrame:
    """Printed shares as whole numbers.

    >>> hundredths(pd.DataFrame({"FPN": [0.29, 0.57, 1.0]}))["FPN"].tolist()
    [29, 57, 100]
    """
    return (cells * 100).round().astype(int)


def differing(table: pd.DataFrame, a: str, b: str) -> list[str]:
    """Classes in which the columns ``a`` and ``b`` are printed with different numbers."""
    cells = hundredths(of_classes(table))
    return cells.index[cells[a] != cells[b]].tolist()


def margin(table: pd.DataFrame, method: str, rivals: Sequence[str]) -> pd.Series:
    """``method`` less the best of ``rivals``, in whole hundredths; a number a class."""
    cells = hundredths(of_classes(table))
    return cells[method] - cells[list(rivals)].max(axis=1)


def standing(table: pd.DataFrame, method: str, rivals: Sequence[str]) -> Standing:
    """How ``method`` stands against the best of ``rivals``, class by class.

    >>> rows = [WEIGHTED, MACRO, "Mass", "Nodule", "Effusion"]
    >>> cells = {"FPN": [0, 0, 0.59, 0.14, 0.42], "PYLON": [0, 0, 0.67, 0.14, 0.41]}
    >>> standing(pd.DataFrame(cells, index=rows), "PYLON", ["FPN"])
    Standing(ahead=['Mass'], tied=['Nodule'], behind=['Effusion'])
    """
    found = margin(table, method, rivals)
    return Standing(*(found.index[rows].tolist() for rows in (found > 0, found == 0, found < 0)))


def averages(table: pd.DataFrame, weights: Mapping[str, float] | None = None) -> pd.DataFrame:
    """The printed averages of every column beside those of its printed classes.

    Args: weights: images a class; without them the macro average, all classes alike.
    Returns: a row a column of the table: ``printed``, ``recomputed``, ``within`` (of rounding).
    Raises: ValueError if the classes of ``weights`` are not those of the table.
    """
    cells = of_classes(table)
    if weights is not None and {*weights} != {*cells.index}:
        raise ValueError(
            f"weights: found {', '.join(weights)}, expected a weight for {', '.join(cells.index)}"
        )
    share = pd.Series(1.0 if weights is None else dict(weights), index=cells.index, dtype=float)
    recomputed = cells.mul(share / share.sum(), axis=0).sum()
    printed = table.loc[MACRO if weights is None else WEIGHTED]
    within = (recomputed - printed).abs() <= ROUNDING + _SLACK
    return pd.DataFrame({"printed": printed, "recomputed": recomputed, "within": within})


def weights_exist(table: pd.DataFrame) -> bool:
    """Whether any sizes of the classes give the printed weighted averages of all columns at once, up to rounding.

    For tables whose class sizes nobody printed: False would show that the averages cannot be of these cells.
    """
    cells, target = of_classes(table).to_numpy().T, table.loc[WEIGHTED].to_numpy()
    found = optimize.linprog(
        np.zeros(cells.shape[1]),
        A_ub=np.vstack([cells, -cells]),
        b_ub=np.concatenate([target, -target]) + ROUNDING + _SLACK,
        A_eq=np.ones((1, cells.shape[1])),
        b_eq=[1.0],
        bounds=(0, 1),
    )
    return bool(found.status == 0)


def margin_by_area(table: pd.DataFrame, method: str, rivals: Sequence[str]) -> Correlation:
    """Spearman's correlation over classes of :func:`margin` with the printed average area.

    Negative: the margin grows where objects are small. Classes are few and share one set of models, so interval and
    p describe the printed numbers only.
    """
    found = margin(table, method, rivals)
    return spearman(found.to_numpy(), hundredths(of_classes(table))[AREA].to_numpy())


def welch_p(
    a: tuple[float, float], b: tuple[float, float], runs: int, *, half: float = 0.0
) -> tuple[float, float]:
    """Least and greatest two-sided p of Welch's test from (mean, SD) of ``runs`` each, over their rounding.

    Args: half: half a unit of the last printed place, of means and SDs alike. Both p are equal for 0.
    Raises: ValueError for fewer than two runs or an SD that is not above ``half``.

    >>> [round(p, 4) for p in welch_p((0.37, 0.16), (0.59, 0.03), 5)]
    [0.0358, 0.0358]
    """
    if runs < 2 or min(a[1], b[1]) <= half:
        raise ValueError(
            f"runs {runs}, SDs {a[1]}, {b[1]}: expected two runs or more, SDs above half = {half}"
        )
    gap = abs(a[0] - b[0])
    found = [
        stats.ttest_ind_from_stats(
            max(gap + 2 * side * half, 0.0),
            a[1] + i * half,
            runs,
            0.0,
            b[1] + j * half,
            runs,
            equal_var=False,
        ).pvalue
        for side in (-1, 1)
        for i in (-1, 1)
        for j in (-1, 1)
    ]
    return float(min(found)), float(max(found))


def least_difference(sd: float, runs: int, level: float = 0.95) -> float:
    """Smallest difference of two means of ``runs`` models each, of the same ``sd``, that Student's t test detects.

    >>> round(least_difference(0.03, 5), 4)  # 2.306 · .03 · √(2/5)
    0.0438
    """
    return float(stats.t.isf((1 - level) / 2, 2 * runs - 2)) * sd * math.sqrt(2 / runs)
