"""The estimate, interval and p-value of each kind of contrast."""

import hashlib
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from papers_lib.companion.claims_selection import NotTested, Selection, pairs
from papers_lib.companion.claims_text import scalar_text
from papers_lib.companion.claims_types import Rule
from papers_lib.errors import UserError
from papers_lib.stats import (
    Array,
    Interval,
    TInterval,
    UndefinedStatistic,
    equivalence_p,
    paired_t,
    student_t,
    welch,
)
from papers_lib.stats_bootstrap import bootstrap
from papers_lib.stats_proportions import proportion_p, wilson
from papers_lib.stats_ranks import (
    EXACT_PAIRS,
    equivalence_p_ranks,
    hodges_lehmann,
    mann_whitney,
    mann_whitney_p_floor,
    spearman,
    spearman_statistic,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Estimate:
    """What a contrast gives; ``notes`` say what was left out."""

    interval: Interval
    p: float | None = None
    p_floor: float | None = None
    n_a: int | None = None
    n_b: int | None = None
    notes: tuple[str, ...] = ()


def estimate(
    rule: Rule, rows: "pd.DataFrame", values: Mapping[str, float], item: str, place: str
) -> Estimate:
    """Estimate the contrast of a rule.

    Args:
        rule: of the claim.
        rows: table of all runs.
        values: named numbers of the page.
        item: id of the claim; seeds its bootstrap, so that no claim depends on its neighbours.
        place: file and item, for errors.

    Raises:
        UserError: a slip in the rule that only the data show: a column or value that is not there.
        NotTested: the data cannot judge; the message says why.
    """
    if rule.contrast.kind == "value":
        return _value(rule, values, place)
    selection = Selection(f"{place}: rule.contrast", rows, rule.contrast)
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(item.encode()).digest()[:8], "big"))
    contrast = {
        "difference": _difference,
        "mean": _mean,
        "proportion": _proportion,
        "correlation": _correlation,
    }
    try:
        return contrast[rule.contrast.kind](rule, selection, rng)
    except UndefinedStatistic as error:
        raise NotTested("; ".join([str(error), *selection.notes])) from error


def _value(rule: Rule, values: Mapping[str, float], place: str) -> Estimate:
    name = rule.contrast.name
    if name not in values:
        listed = ", ".join(sorted(values)) or "none"
        raise UserError(
            f"{place}: rule.contrast: name: found {name!r}, expected one of the values ({listed})"
        )
    number = values[name]
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        raise UserError(f"{place}: rule.contrast: name: value {name!r} is {number!r}, expected a number")
    if not math.isfinite(number):
        raise NotTested(f"{name} is not finite")
    number = float(number)
    return Estimate(Interval(number, number, number, 1.0, "exact"))


def _mean_of(values: Array, axis: int = -1) -> Array:
    return np.asarray(values.mean(axis=axis))


def _mean_difference(x: Array, y: Array, axis: int = -1) -> Array:
    return np.asarray(x.mean(axis=axis) - y.mean(axis=axis))


def _t_p(rule: Rule, result: TInterval) -> float:
    return (
        equivalence_p(result, rule.margin, rule.contrast.reference) if rule.direction == "equal" else result.p
    )


def _difference(rule: Rule, selection: Selection, rng: np.random.Generator) -> Estimate:
    contrast, level = rule.contrast, rule.interval_level
    table = selection.table([contrast.metric], [contrast.by, *rule.paired_by])
    groups = (contrast.a, contrast.b)
    x, y = (table[contrast.metric][table[contrast.by] == group].to_numpy(dtype=float) for group in groups)
    sizes = {"n_a": len(x), "n_b": len(y)}
    for group, found in zip(groups, (x, y), strict=True):
        if not len(found):
            wanted = f"no rows with {contrast.by} = {scalar_text(group)}"
            raise NotTested("; ".join([wanted, *selection.notes]))
    if rule.method == "bootstrap":
        interval = bootstrap([x, y], _mean_difference, rng=rng, level=level)
        return Estimate(interval, notes=tuple(selection.notes), **sizes)
    if rule.method == "hodges_lehmann":
        return _shift(rule, x, y, selection.notes)
    if rule.method == "paired_t":
        a, b, unmatched = pairs(table, contrast.metric, contrast.by, groups, rule.paired_by, selection.place)
        if unmatched:
            selection.notes.append(f"{unmatched} runs without a partner left out")
        result = paired_t(np.array(a), np.array(b), level)
        sizes = {"n_a": len(a), "n_b": len(b)}
    else:
        result = welch(x, y, level)
    return Estimate(result, _t_p(rule, result), notes=tuple(selection.notes), **sizes)


def _shift(rule: Rule, x: Array, y: Array, notes: list[str]) -> Estimate:
    interval = hodges_lehmann(x, y, rule.interval_level)
    equal = rule.direction == "equal"
    p = equivalence_p_ranks(x, y, rule.margin) if equal else mann_whitney(x, y).p
    method = "exact" if len(x) * len(y) <= EXACT_PAIRS else "asymptotic"
    floor = mann_whitney_p_floor(len(x), len(y), method)
    if math.isinf(interval.low):
        notes.append(
            f"groups of {len(x)} and {len(y)} are too small for a {100 * interval.level:g} % interval"
        )
    # Each of the two one-sided tests of equivalence can reach half of the two-sided floor.
    return Estimate(interval, p, floor / 2 if equal else floor, len(x), len(y), tuple(notes))


def _mean(rule: Rule, selection: Selection, rng: np.random.Generator) -> Estimate:
    x = selection.table([rule.contrast.metric])[rule.contrast.metric].to_numpy(dtype=float)
    if rule.method == "bootstrap":
        interval = bootstrap([x], _mean_of, rng=rng, level=rule.interval_level)
        return Estimate(interval, n_a=len(x), notes=tuple(selection.notes))
    result = student_t(x, rule.interval_level, rule.contrast.reference)
    return Estimate(result, _t_p(rule, result), n_a=len(x), notes=tuple(selection.notes))


def _proportion(rule: Rule, selection: Selection, rng: np.random.Generator) -> Estimate:
    contrast = rule.contrast
    if contrast.equals is None:
        hits = selection.table([contrast.metric])[contrast.metric] >= contrast.threshold
    else:
        column = selection.table([], [contrast.metric])[contrast.metric]
        hits = column.dropna() == contrast.equals
        if dropped := len(column) - len(hits):
            selection.notes.append(f"{dropped} of {len(column)} runs without {contrast.metric}")
        if not len(hits):
            raise NotTested("; ".join(selection.notes))
    successes, n = int(hits.sum()), len(hits)
    testable = rule.direction != "equal" and 0 < contrast.reference < 1
    p = proportion_p(successes, n, contrast.reference) if testable else None
    floor = min(proportion_p(k, n, contrast.reference) for k in (0, n)) if testable else None
    return Estimate(wilson(successes, n, rule.interval_level), p, floor, n, notes=tuple(selection.notes))


def _correlation(rule: Rule, selection: Selection, rng: np.random.Generator) -> Estimate:
    contrast, level = rule.contrast, rule.interval_level
    table = selection.table([contrast.x, contrast.y])
    x, y = (table[column].to_numpy(dtype=float) for column in (contrast.x, contrast.y))
    result = spearman(x, y, level)
    if rule.method == "bootstrap":
        drawn = bootstrap([x, y], spearman_statistic, rng=rng, level=level, paired=True)
        return Estimate(drawn, n_a=len(x), notes=tuple(selection.notes))
    if rule.direction == "equal":
        return Estimate(result, n_a=len(x), notes=tuple(selection.notes))
    return Estimate(result, result.p, result.p_floor, len(x), notes=tuple(selection.notes))
