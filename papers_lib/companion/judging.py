"""Judging: from the rules of a claims file and the runs of a page to the outcome of every claim."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from papers_lib import stats
from papers_lib.companion.claims import JUDGED, ClaimResult, ClaimsFile, Item, Rule
from papers_lib.errors import UserError
from papers_lib.stats import UndefinedStatistic as NotTested

Numbers = dict[str, Any]  # fields of a ClaimResult


def outcome(direction: str, low: float, high: float, margin: float) -> str:
    """Judge an interval of a difference, strictly: greater is supported above +margin, contradicted below -margin; less
    mirrors it; differs: supported wholly outside ±margin, contradicted wholly inside; equal the other way round.

    >>> outcome("greater", 0.1, 0.3, 0.05), outcome("greater", 0.01, 0.3, 0.05)
    ('supported', 'inconclusive')
    """
    above, below, inside = low > margin, high < -margin, -margin < low and high < margin
    apart = above or below
    cases = {
        "greater": (above, below),
        "less": (below, above),
        "differs": (apart, inside),
        "equal": (inside, apart),
    }
    supported, contradicted = cases[direction]
    return "supported" if supported else "contradicted" if contradicted else "inconclusive"


def evaluate(
    claims: ClaimsFile, rows: pd.DataFrame, values: Mapping[str, float], profile: str, evidence: str
) -> list[ClaimResult]:
    """Judge every claim and observation of the file by the rows (one per run) and the named numbers ``values``.

    ``evidence``: what both rest on. Raises: UserError for a rule that names a column or value that is not there.
    """
    results: dict[str, ClaimResult] = {}
    families: dict[str, dict[str, float]] = {}
    for item in claims.items:
        if item.kind in JUDGED:
            result = results[item.id] = _judge(item, claims.slug, rows, values, profile, evidence)
            if item.rule and item.rule.family and result.p is not None:
                families.setdefault(item.rule.family, {})[item.id] = result.p
    for members in families.values():
        for name, p in zip(members, stats.holm([*members.values()]), strict=True):
            results[name] = replace(results[name], p_holm=p)
    return list(results.values())


def _judge(
    item: Item, slug: str, rows: pd.DataFrame, values: Mapping[str, float], profile: str, evidence: str
) -> ClaimResult:
    rule, paper, notes = item.rule, item.paper, list[str]()
    place = f"{slug}/claims.yaml: item {item.id}: rule"
    ruled: Numbers = {"method": rule.form, "direction": rule.direction, "margin": rule.margin} if rule else {}
    blank = ClaimResult(
        id=item.id, kind=item.kind, title=item.title, printed=item.printed, figure=item.figure, **ruled,
        paper_text=paper.text if paper else "", paper_value=paper.value if paper else None,
        rule_text=rule.text if rule else "", evidence=(rule.evidence if rule else "") or evidence,
        reason=item.untestable or f"not tested in {profile}",
    )  # fmt: skip
    if rule is None or not item.in_profile(profile):
        return blank
    try:
        if rule.form == "value":
            return replace(blank, **_of_value(rule, values, place), reason="")
        interval, numbers = _of_runs(rule, rows, place, notes)
    except NotTested as error:
        return replace(blank, reason="; ".join(filter(None, [str(error), *notes])))
    low, high = interval.low, interval.high
    found = outcome(rule.direction, low - rule.reference, high - rule.reference, rule.margin)
    return replace(
        blank, estimate=interval.estimate, level=interval.level, method=interval.method, **numbers, outcome=found,
        low=low if math.isfinite(low) else None, high=high if math.isfinite(high) else None, reason="; ".join(notes),
    )  # fmt: skip


def _of_value(rule: Rule, values: Mapping[str, float], place: str) -> Numbers:
    """A number without uncertainty: the ends of the margin count as inside."""
    if rule.name not in values:
        listed = ", ".join(sorted(values)) or "none"
        raise UserError(f"{place}: name: found {rule.name!r}, expected one of the values ({listed})")
    number = float(values[rule.name])
    if not math.isfinite(number):
        raise NotTested(f"{rule.in_words(rule.name)} is not finite")
    shift, rounding = number - rule.reference, 1e-9 * max(abs(number), abs(rule.reference), 1e-290)
    return {
        "estimate": number,
        "method": "exact",
        "outcome": outcome(rule.direction, shift, shift, rule.margin + rounding),
    }


def _of_runs(rule: Rule, rows: pd.DataFrame, place: str, notes: list[str]) -> tuple[stats.Interval, Numbers]:
    """The interval of what a rule estimates; p and the sizes of the groups."""
    runs = _chosen(rule, rows, place, notes)
    metric, level, equal = runs[rule.metric], rule.level, rule.direction == "equal"
    if rule.method == "share":
        hits, n = int((metric == rule.equals).sum()), len(metric)
        p = stats.proportion_p(hits, n, rule.reference) if 0 < rule.reference < 1 else None
        return stats.wilson(hits, n, level), {"p": p, "n_a": n}
    if rule.method == "mean":
        mean = stats.student_t(metric, level, rule.reference)
        p = stats.equivalence_p(mean, rule.margin, rule.reference) if equal else mean.p
        return mean, {"p": p, "n_a": len(metric)}
    a, b = (runs[runs[rule.by] == side] for side in (rule.a, rule.b))
    if a.empty or b.empty:
        raise NotTested(f"no rows with {rule.where_text({rule.by: [rule.a if a.empty else rule.b]})}")
    if rule.method == "pairs":
        keys, sides = rule.paired_by, [*rule.paired_by, rule.metric]
        if a.duplicated(keys).any() or b.duplicated(keys).any():
            raise UserError(f"{place}: paired_by: found two runs of a group with the same {', '.join(keys)}")
        pairs = a[sides].merge(b[sides], on=keys).sort_values(keys)
        if unmatched := len(a) + len(b) - 2 * len(pairs):
            notes.append(f"{unmatched} runs without a partner left out")
        shift = stats.paired_t(pairs[f"{rule.metric}_x"], pairs[f"{rule.metric}_y"], level)
        p = stats.equivalence_p(shift, rule.margin) if equal else shift.p
        return shift, {"p": p, "n_a": len(pairs), "n_b": len(pairs)}
    x, y, n_a, n_b = a[rule.metric], b[rule.metric], len(a), len(b)
    ranks = stats.hodges_lehmann(x, y, level)
    p = stats.equivalence_p_ranks(x, y, rule.margin) if equal else stats.mann_whitney(x, y).p
    # Each of two one-sided tests can reach half of the two-sided floor.
    method = "exact" if n_a * n_b <= stats.EXACT_PAIRS else "asymptotic"
    floor = stats.mann_whitney_p_floor(n_a, n_b, method) / (2 if equal else 1)
    if math.isinf(ranks.low):
        notes.append(f"groups of {n_a} and {n_b} are too small for a {100 * level:g} % interval")
    return ranks, {"p": p, "p_floor": floor, "n_a": n_a, "n_b": n_b}


def _chosen(rule: Rule, rows: pd.DataFrame, place: str, notes: list[str]) -> pd.DataFrame:
    """The runs that a rule speaks of, with its metric known; ``notes`` gets those left out."""
    where = {**rule.where, rule.by: [rule.a, rule.b]} if rule.by else rule.where
    mask, good = np.ones((2, len(rows)), dtype=bool)
    if "status" in rows and not rule.failed_too:
        good = (rows["status"] == "ok").to_numpy(dtype=bool)
    for column in (*where, rule.metric, *(rule.paired_by if rule.method == "pairs" else [])):
        if column not in rows:
            if len(rows) and not good.any():
                raise NotTested(f"no run has {rule.in_words(column)}")
            listed = ", ".join(map(str, rows.columns)) or "none"
            raise UserError(f"{place}: found column {column!r}, expected one of the rows' ({listed})")
    for column, values in where.items():
        mask &= rows[column].isin(values).to_numpy(dtype=bool)
    if not good[mask].all():
        counts = Counter(rows["status"][mask & ~good].astype(str))
        each = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        notes.append(f"{counts.total()} of {mask.sum()} runs left out: {each}")
    if not (mask & good).any():
        raise NotTested("no rows" + (f" with {rule.where_text(where)}" if where else ""))
    runs, what = rows[mask & good], rule.in_words(rule.metric)
    if rule.method != "share":
        numbers = pd.to_numeric(runs[rule.metric], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        finite, what = np.where(np.isfinite(numbers), numbers, np.nan), f"a finite {what}"
        runs = runs.assign(**{rule.metric: finite})
    known = runs[runs[rule.metric].notna()]
    if dropped := len(runs) - len(known):
        notes.append(f"{dropped} of {len(runs)} runs without {what}")
    if known.empty:
        raise NotTested
    return known
