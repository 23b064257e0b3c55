"""Judging: from the rules of a claims file and the runs of a page to the outcome of every claim."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from papers_lib.companion.claims_text import rule_text
from papers_lib.companion.claims_types import (
    EVIDENCE,
    JUDGED,
    OF_NO_DATA,
    ClaimResult,
    ClaimsFile,
    Item,
    Rule,
)

if TYPE_CHECKING:
    import pandas as pd


def outcome(direction: str, low: float, high: float, margin: float) -> str:
    """Judge an interval of a difference (from the reference) by a direction and a margin.

    greater: holds above +margin, opposite below -margin. less: its mirror image. differs: holds wholly outside
    ±margin, opposite wholly inside (never with margin 0). equal: holds wholly inside, opposite wholly outside.
    All strictly; everything else is inconclusive.

    >>> outcome("greater", 0.1, 0.3, 0.05), outcome("greater", 0.01, 0.3, 0.05)
    ('holds', 'inconclusive')
    """
    above, below = low > margin, high < -margin
    inside = -margin < low and high < margin
    holds, opposite = {
        "greater": (above, below),
        "less": (below, above),
        "differs": (above or below, inside),
        "equal": (inside, above or below),
    }[direction]
    return "holds" if holds else "opposite" if opposite else "inconclusive"


def exact_outcome(direction: str, value: float, reference: float, margin: float) -> str:
    """Judge a number without uncertainty; within ±margin of the reference, ends included, it counts as equal.

    "equal" and "differs" are then decided either way; a greater or less that comes out equal is inconclusive.
    Rounding of the last digits (1e-9, relative) does not decide.

    >>> exact_outcome("equal", 0.46, 0.43, 0.03), exact_outcome("greater", 9, 10, 0)
    ('holds', 'opposite')
    """
    difference = value - reference
    same = abs(difference) <= margin + 1e-9 * max(abs(value), abs(reference))
    if direction in ("equal", "differs"):
        return "holds" if same == (direction == "equal") else "opposite"
    if same:
        return "inconclusive"
    return "holds" if (difference > 0) == (direction == "greater") else "opposite"


def evaluate(
    claims: ClaimsFile,
    rows: "pd.DataFrame",
    values: Mapping[str, float],
    profile: str,
    evidence: str,
) -> list[ClaimResult]:
    """Judge every claim and finding of the file, in its order.

    Args:
        claims: the loaded file.
        rows: a row a run; rows whose ``status`` is not "ok" are left out (and counted in ``reason``) unless
            the contrast says ``include: all``.
        values: named numbers, for contrasts of kind value.
        profile: of the page; a claim of another profile is "not tested in" it.
        evidence: "stand-in" or "real data": what the rows and values rest on.

    Raises:
        UserError: a rule that names a column or value that is not there; the line names the item.
        ValueError: an unknown profile or evidence.
    """
    claims.declared(profile, "claim")  # a ValueError for an unknown profile
    if evidence not in EVIDENCE or evidence in OF_NO_DATA:
        raise ValueError(f"evidence: expected stand-in or real data, got {evidence!r}")
    judged = [item for item in claims.items if item.kind in JUDGED]
    results = [_judge(item, claims.file, rows, values, profile, evidence) for item in judged]
    return _with_holm(results, {item.id: item.rule.family for item in judged if item.rule})


def _blank(item: Item, evidence: str, reason: str) -> ClaimResult:
    rule = item.rule
    return ClaimResult(
        id=item.id, kind=item.kind, title=item.title, printed=item.printed,
        paper_text=item.paper_text, paper_value=item.paper_value,
        estimate=None, low=None, high=None, level=None, p=None, p_holm=None, p_floor=None, n_a=None, n_b=None,
        method=rule.method if rule else "", direction=rule.direction if rule else "",
        margin=rule.margin if rule else None, outcome="not tested",
        evidence=(rule.evidence if rule else "") or evidence,
        reason=reason, figure=item.figure, rule_text=rule_text(rule) if rule else "",
    )  # fmt: skip


def _judge(
    item: Item,
    file: str,
    rows: "pd.DataFrame",
    values: Mapping[str, float],
    profile: str,
    evidence: str,
) -> ClaimResult:
    # Here, since a command that only lists claims should not wait for scipy.
    from papers_lib.companion.claims_estimates import NotTested, estimate

    rule = item.rule
    if rule is None:
        return _blank(item, evidence, item.untestable)
    if not item.in_profile(profile):
        return _blank(item, evidence, f"not tested in {profile}")
    try:
        found = estimate(rule, rows, values, item.id, f"{file}: item {item.id}")
    except NotTested as reason:
        return _blank(item, evidence, str(reason))
    interval, exact = found.interval, rule.method == "exact"
    return replace(
        _blank(item, evidence, "; ".join(found.notes)),
        estimate=interval.estimate,
        low=None if exact else _finite(interval.low),
        high=None if exact else _finite(interval.high),
        level=None if exact else interval.level,
        p=found.p,
        p_floor=found.p_floor,
        n_a=found.n_a,
        n_b=found.n_b,
        method=interval.method,
        outcome=_outcome(rule, interval.estimate, interval.low, interval.high),
    )


def _outcome(rule: Rule, value: float, low: float, high: float) -> str:
    reference = rule.contrast.reference
    if rule.method == "exact":
        return exact_outcome(rule.direction, value, reference, rule.margin)
    return outcome(rule.direction, low - reference, high - reference, rule.margin)


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _with_holm(results: list[ClaimResult], families: Mapping[str, str]) -> list[ClaimResult]:
    """Fill ``p_holm`` over the tested claims of each family."""
    from papers_lib.stats import holm

    adjusted: dict[str, float] = {}
    for family in sorted({name for name in families.values() if name}):
        members = {r.id: r.p for r in results if families.get(r.id) == family and r.p is not None}
        adjusted |= dict(zip(members, holm(list(members.values())), strict=True))
    return [replace(result, p_holm=adjusted.get(result.id)) for result in results]
