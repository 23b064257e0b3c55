"""The rows of a page's two lists: its claims, and the paper's figures and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from papers_lib.companion.claims_text import reason_text, rule_text
from papers_lib.companion.claims_types import JUDGED
from papers_lib.companion.tables import MISSING
from papers_lib.companion.wording import evidence_text, ours_text, outcome_text, sample_text

SYMBOLS = {"holds": "✓", "reproduced": "✓", "opposite": "✗", "inconclusive": "?", "not tested": "–"}


def claim_rows(
    claims: Sequence[Mapping[str, Any]],
    shown: Sequence[str],
    comparable: Mapping[str, bool],
    rules: Mapping[str, Any] | None = None,
    absent: Mapping[str, str] | None = None,
) -> list[dict]:
    """The claims table, a row a claim.

    Args:
        claims: ClaimResults of results.json.
        shown: ids of the figures and tables that the page has, for the links.
        comparable: claim id → whether its absolute value may be compared with the paper's.
        rules: claim id → its rule, for its words; without it the results' own words are shown.
        absent: id of a figure or table → why these data do not give it.
    """
    rows = []
    for claim in claims:
        if claim.get("kind", "claim") not in JUDGED:
            continue
        outcome = outcome_text(claim)
        figure = claim.get("figure") or ""
        rule, reason = (rules or {}).get(claim["id"]), claim.get("reason") or ""
        # A claim without a rule is shown by derivation; else nothing is evidence for what was not tested.
        silent = outcome == "not tested" and bool(rule or claim.get("rule_text"))
        why = (absent or {}).get(figure, "")
        far = claim.get("evidence") == "stand-in" and claim.get("paper_value") is not None
        rows.append(
            {
                "id": claim["id"],
                "title": claim["title"],
                "finding": claim.get("kind") == "finding",
                "printed": claim.get("printed") or MISSING,
                "paper": claim.get("paper_text") or MISSING,
                "not_comparable": far and not comparable.get(claim["id"], False),
                "ours": _unbroken(ours_text(claim)).replace(", ", ",\u00a0"),
                "sample": _unbroken(sample_text(claim)),
                "rule": (rule_text(rule) if rule else claim.get("rule_text")) or MISSING,
                "outcome": outcome,
                "symbol": SYMBOLS.get(outcome, ""),
                "css": claim["outcome"].replace(" ", "-"),
                "evidence": evidence_text(claim.get("evidence")),
                "reason": reason_text(reason, rule),
                "elsewhere": outcome == "not tested" and reason.startswith("not tested in "),
                "absent": f"evidence not shown: {why}" if why else "",
                "figure": figure if figure in shown and not why and not silent else "",
            }
        )
    return rows


def _unbroken(text: str) -> str:
    """Numbers kept on one line with what follows them."""
    return text.replace(" × ", "\u00a0×\u00a0").replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0")


def item_rows(items: Sequence[Any], profile: str, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures and tables of the paper: where each stands on this page, or why it does not."""
    absent = results.get("absent") or {}
    made = ({*results.get("figures", {})} | {*results.get("tables", {})}) - {*absent}
    rows = []
    for item in items:
        if item.kind in JUDGED:
            continue
        elsewhere = item.id not in absent and not item.in_profile(profile)
        reason = f"not in {profile} (made in {', '.join(item.profiles)})" if elsewhere else "not made"
        rows.append(
            {
                "id": item.id,
                "title": item.title,
                "printed": item.printed or MISSING,
                "made": item.id in made,
                "reason": f"not shown: {absent[item.id]}" if item.id in absent else reason,
                "elsewhere": elsewhere,
            }
        )
    return rows


def outcome_counts(claims: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many claims have each outcome, in a fixed order, those with none left out.

    >>> outcome_counts([{"outcome": "holds", "evidence": "stand-in"}])
    [{'outcome': 'holds', 'symbol': '✓', 'css': 'holds', 'count': 1}]
    """
    words = [outcome_text(claim) for claim in claims if claim.get("kind", "claim") in JUDGED]
    return [
        {
            "outcome": word,
            "symbol": symbol,
            "css": "holds" if word == "reproduced" else word.replace(" ", "-"),
            "count": words.count(word),
        }
        for word, symbol in SYMBOLS.items()
        if word in words
    ]
