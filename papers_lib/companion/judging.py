"""Judging: from the rules of a claims file and the runs of a page to the outcome of every claim."""

import math
import numbers
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from papers_lib.companion.claims import EVIDENCE, JUDGED, ClaimResult, ClaimsFile, Item, Rule
from papers_lib.companion.claims_text import rule_text, scalar_text, where_text
from papers_lib.companion.yaml_files import show
from papers_lib.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from papers_lib.stats import Interval


class NotTested(Exception):
    """A claim that these runs cannot judge; the message is the reason for the reader."""


@dataclass(frozen=True)
class Estimate:
    """What a rule's rows give; ``notes`` say what was left out."""

    interval: "Interval"
    p: float | None = None
    p_floor: float | None = None
    n_a: int | None = None
    n_b: int | None = None
    notes: list[str] = field(default_factory=list)


def outcome(direction: str, low: float, high: float, margin: float) -> str:
    """Judge an interval of a difference (from the reference) by a direction and a margin.

    greater: supported above +margin, contradicted below -margin. less: its mirror image. differs: supported wholly
    outside ±margin, contradicted wholly inside (never with margin 0). equal: supported wholly inside, contradicted
    wholly outside. All strictly; everything else is inconclusive.

    >>> outcome("greater", 0.1, 0.3, 0.05), outcome("greater", 0.01, 0.3, 0.05)
    ('supported', 'inconclusive')
    """
    above, below = low > margin, high < -margin
    inside = -margin < low and high < margin
    supported, contradicted = {
        "greater": (above, below),
        "less": (below, above),
        "differs": (above or below, inside),
        "equal": (inside, above or below),
    }[direction]
    return "supported" if supported else "contradicted" if contradicted else "inconclusive"


def exact_outcome(direction: str, value: float, reference: float, margin: float) -> str:
    """Judge a number without uncertainty; within ±margin of the reference, ends included, it counts as equal.

    "equal" and "differs" are then decided either way; a greater or less that comes out equal is inconclusive.
    Rounding of the last digits (1e-9, relative) does not decide.

    >>> exact_outcome("equal", 0.46, 0.43, 0.03), exact_outcome("greater", 9, 10, 0)
    ('supported', 'contradicted')
    """
    difference = value - reference
    same = abs(difference) <= margin + 1e-9 * max(abs(value), abs(reference))
    if direction in ("equal", "differs"):
        return "supported" if same == (direction == "equal") else "contradicted"
    if same:
        return "inconclusive"
    return "supported" if (difference > 0) == (direction == "greater") else "contradicted"


def evaluate(
    claims: ClaimsFile, rows: "pd.DataFrame", values: Mapping[str, float], profile: str, evidence: str
) -> list[ClaimResult]:
    """Judge every claim and observation of the file, in its order.

    Args:
        claims: the loaded file.
        rows: a row a run; those whose ``status`` is not "ok" are left out and counted in ``reason``.
        values: named numbers, for rules of form value.
        profile: of the page; a claim of another profile is "not tested in" it.
        evidence: "synthetic data" or "real data": what the rows and values rest on.

    Raises:
        UserError: a rule that names a column or value that is not there; the line names the item.
        ValueError: an unknown profile or evidence.
    """
    from papers_lib.stats import holm

    claims.declared(profile, "claim")  # a ValueError for an unknown profile
    if evidence not in EVIDENCE[:2]:
        raise ValueError(f"evidence: expected synthetic data or real data, got {evidence!r}")
    judged = [item for item in claims.items if item.kind in JUDGED]
    results = [_judge(item, claims.file, rows, values, profile, evidence) for item in judged]
    family = {item.id: item.rule.family for item in judged if item.rule}
    adjusted: dict[str, float] = {}
    for name in sorted({*family.values()} - {""}):
        members = {r.id: r.p for r in results if family.get(r.id) == name and r.p is not None}
        adjusted |= dict(zip(members, holm(list(members.values())), strict=True))
    return [replace(result, p_holm=adjusted.get(result.id)) for result in results]


def _judge(
    item: Item, file: str, rows: "pd.DataFrame", values: Mapping[str, float], profile: str, evidence: str
) -> ClaimResult:
    rule = item.rule
    blank = ClaimResult(
        id=item.id, kind=item.kind, title=item.title, printed=item.printed,
        paper_text=item.paper_text, paper_value=item.paper_value,
        estimate=None, low=None, high=None, level=None, p=None, p_holm=None, p_floor=None, n_a=None, n_b=None,
        method=rule.form if rule else "", direction=rule.direction if rule else "",
        margin=rule.margin if rule else None, outcome="not tested",
        evidence=(rule.evidence if rule else "") or evidence,
        reason=item.untestable, figure=item.figure, rule_text=rule_text(rule) if rule else "",
    )  # fmt: skip
    if rule is None:
        return blank
    if not item.in_profile(profile):
        return replace(blank, reason=f"not tested in {profile}")
    place = f"{file}: item {item.id}: rule"
    try:
        found = _of_value(rule, values, place) if rule.exact else _of_runs(rule, rows, place)
    except NotTested as reason:
        return replace(blank, reason=str(reason))
    interval, reference = found.interval, rule.reference
    if rule.exact:
        result = exact_outcome(rule.direction, interval.estimate, reference, rule.margin)
    else:
        result = outcome(rule.direction, interval.low - reference, interval.high - reference, rule.margin)
    low, high = (
        end if math.isfinite(end) and not rule.exact else None for end in (interval.low, interval.high)
    )
    return replace(
        blank, estimate=interval.estimate, low=low, high=high, level=None if rule.exact else interval.level,
        p=found.p, p_floor=found.p_floor, n_a=found.n_a, n_b=found.n_b, method=interval.method, outcome=result,
        reason="; ".join(found.notes),
    )  # fmt: skip


def _of_value(rule: Rule, values: Mapping[str, float], place: str) -> Estimate:
    from papers_lib.stats import Interval

    if rule.name not in values:
        listed = ", ".join(sorted(values)) or "none"
        raise UserError(f"{place}: name: found {rule.name!r}, expected one of the values ({listed})")
    number = values[rule.name]
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        raise UserError(f"{place}: name: value {rule.name!r} is {number!r}, expected a number")
    if not math.isfinite(number):
        raise NotTested(f"{rule.name} is not finite")
    return Estimate(Interval(float(number), float(number), float(number), 1.0, "exact"))


def _of_runs(rule: Rule, rows: "pd.DataFrame", place: str) -> Estimate:
    from papers_lib.stats import UndefinedStatistic

    notes: list[str] = []
    chosen = _chosen(rule, rows, place, notes)
    try:
        if rule.by:
            return _difference(rule, chosen, place, notes)
        if rule.equals is not None:
            return _share(rule, chosen, notes)
        return _mean(rule, chosen, place, notes)
    except UndefinedStatistic as error:
        raise NotTested("; ".join([str(error), *notes])) from error


def _chosen(rule: Rule, rows: "pd.DataFrame", place: str, notes: list[str]) -> "pd.DataFrame":
    """The rows that a rule speaks of; those left out are noted down.

    Raises:
        UserError: a column that no run has, or one filtered by a value of another type: slips of the file.
        NotTested: no row is left, or no run came far enough to have the column.
    """
    where = rule.filters
    for column, some in where.items():
        _check_filter(rows, column, some, place)
    mask = np.ones(len(rows), dtype=bool)
    for column, some in where.items():
        mask &= rows[column].isin(list(some)).to_numpy(dtype=bool)
    good = np.ones(len(rows), dtype=bool)
    if "status" in rows and not rule.failed_too:
        good = (rows["status"] == "ok").to_numpy(dtype=bool)
    if not good[mask].all():
        left_out = Counter(rows["status"][mask & ~good].astype(str))
        each = ", ".join(f"{count} {status}" for status, count in sorted(left_out.items()))
        notes.append(f"{left_out.total()} of {int(mask.sum())} runs left out: {each}")
    if not (mask & good).any():
        raise NotTested("; ".join([f"no rows{f' with {where_text(where)}' if where else ''}", *notes]))
    needed = [rule.metric, *rule.pairs]
    absent = [column for column in needed if column not in rows]
    if absent and not good.any():
        raise NotTested("; ".join([f"no run has {absent[0]}", *notes]))
    for column in needed:
        _check_column(rows, column, place)
    return rows[mask & good]


def _check_column(rows: "pd.DataFrame", column: str, place: str) -> None:
    if column not in rows:
        listed = ", ".join(map(str, rows.columns)) or "none"
        raise UserError(f"{place}: found column {column!r}, expected one of the rows' ({listed})")


def _check_filter(rows: "pd.DataFrame", column: str, some: Sequence[Any], place: str) -> None:
    _check_column(rows, column, place)
    kinds = {isinstance(value, str) for value in rows[column].dropna()}
    for value in some:
        if len(kinds) == 1 and isinstance(value, str) not in kinds:
            held = "texts" if True in kinds else "numbers"
            raise UserError(f"{place}: {column}: found {show(value)}, but the column holds {held}")


def _finite(rule: Rule, chosen: "pd.DataFrame", place: str, notes: list[str]) -> "pd.DataFrame":
    """The rows whose metric is a finite number, as floats."""
    import pandas as pd

    column = chosen[rule.metric]
    odd = [value for value in column if isinstance(value, str) or not pd.api.types.is_scalar(value)]
    if odd:
        raise UserError(f"{place}: column {rule.metric!r}: found {show(odd[0])}, expected numbers")
    table = chosen.assign(**{rule.metric: pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)})
    finite = np.isfinite(table[rule.metric])
    if dropped := int((~finite).sum()):
        notes.append(f"{dropped} of {len(table)} runs without a finite {rule.metric}")
    if not finite.any():
        raise NotTested("; ".join(notes))
    return table[finite]


def _difference(rule: Rule, chosen: "pd.DataFrame", place: str, notes: list[str]) -> Estimate:
    from papers_lib import stats

    table, keys = _finite(rule, chosen, place, notes), rule.pairs
    groups = [table[table[rule.by] == side] for side in (rule.a, rule.b)]
    for side, group in zip((rule.a, rule.b), groups, strict=True):
        if group.empty:
            raise NotTested("; ".join([f"no rows with {rule.by} = {scalar_text(side)}", *notes]))
        if keys and group.duplicated(keys).any():
            twice = group.loc[group.duplicated(keys), keys].iloc[0].tolist()
            found = f"{', '.join(keys)} = {twice} twice in {scalar_text(side)}"
            raise UserError(f"{place}: paired_by: found {found}, expected once")
    if not keys:
        x, y = (group[rule.metric].to_numpy(dtype=float) for group in groups)
        return _by_ranks(rule, x, y, notes)
    pairs = groups[0][[*keys, rule.metric]].merge(groups[1][[*keys, rule.metric]], on=keys).sort_values(keys)
    if unmatched := len(groups[0]) + len(groups[1]) - 2 * len(pairs):
        notes.append(f"{unmatched} runs without a partner left out")
    a, b = (pairs[f"{rule.metric}_{end}"].to_numpy(dtype=float) for end in "xy")
    result = stats.paired_t(a, b, rule.level)
    return Estimate(result, _p_of_t(rule, result), n_a=len(a), n_b=len(b), notes=notes)


def _p_of_t(rule: Rule, found: Any) -> float:
    from papers_lib.stats import equivalence_p

    return equivalence_p(found, rule.margin, rule.reference) if rule.direction == "equal" else float(found.p)


def _by_ranks(rule: Rule, x: Any, y: Any, notes: list[str]) -> Estimate:
    from papers_lib import stats

    interval, equal = stats.hodges_lehmann(x, y, rule.level), rule.direction == "equal"
    p = stats.equivalence_p_ranks(x, y, rule.margin) if equal else stats.mann_whitney(x, y).p
    method = "exact" if len(x) * len(y) <= stats.EXACT_PAIRS else "asymptotic"
    # Each of the two one-sided tests of equivalence can reach half of the two-sided floor.
    floor = stats.mann_whitney_p_floor(len(x), len(y), method) / (2 if equal else 1)
    if math.isinf(interval.low):
        notes.append(
            f"groups of {len(x)} and {len(y)} are too small for a {100 * interval.level:g} % interval"
        )
    return Estimate(interval, p, floor, len(x), len(y), notes)


def _mean(rule: Rule, chosen: "pd.DataFrame", place: str, notes: list[str]) -> Estimate:
    from papers_lib.stats import student_t

    x = _finite(rule, chosen, place, notes)[rule.metric].to_numpy(dtype=float)
    found = student_t(x, rule.level, rule.reference)
    return Estimate(found, _p_of_t(rule, found), n_a=len(x), notes=notes)


def _share(rule: Rule, chosen: "pd.DataFrame", notes: list[str]) -> Estimate:
    from papers_lib.stats.means import proportion_p, wilson

    column = chosen[rule.metric].dropna()
    if dropped := len(chosen) - len(column):
        notes.append(f"{dropped} of {len(chosen)} runs without {rule.metric}")
    if column.empty:
        raise NotTested("; ".join(notes))
    hits, n = int((column == rule.equals).sum()), len(column)
    testable = 0 < rule.reference < 1
    p = proportion_p(hits, n, rule.reference) if testable else None
    return Estimate(wilson(hits, n, rule.level), p, n_a=n, notes=notes)
