"""Claims in words: the rule as a sentence, the outcome, the table of claims."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from papers_lib.companion.tables import MISSING, format_number
from papers_lib.companion.wording import ours_text, outcome_text, sample_text

if TYPE_CHECKING:
    from papers_lib.companion.claims import ClaimResult, Rule

COLUMNS = ("Claim", "Printed in", "Paper", "Ours", "n, interval, p", "Rule", "Outcome", "Evidence")


def scalar_text(value: Any) -> str:
    """A value of a filter as a claims file writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def where_text(where: Mapping[str, Sequence[Any]], labels: Mapping[str, str] | None = None) -> str:
    """A row filter in words: a label of ``column=value`` stands for the whole condition.

    >>> where_text({"experiment": (1,), "arm": ("main", "weight")})
    'experiment = 1 and arm = main or weight'
    >>> where_text({"experiment": (1,), "kept": (True,)}, {"experiment": "study", "kept=true": "kept models"})
    'study = 1, kept models'
    """
    words = labels or {}
    return (", " if words else " and ").join(_condition(key, some, words) for key, some in where.items())


def _condition(column: str, values: Sequence[Any], labels: Mapping[str, str]) -> str:
    whole = [labels.get(f"{column}={scalar_text(value)}", "") for value in values]
    if all(whole):
        return " or ".join(whole)
    return f"{labels.get(column, column)} = {' or '.join(_word(value, labels) for value in values)}"


def _word(value: Any, labels: Mapping[str, str]) -> str:
    return labels.get(value, value) if isinstance(value, str) else scalar_text(value)


def _subject(rule: "Rule") -> str:
    labels, reference = rule.labels, format_number(rule.reference, ".6g")
    if rule.form == "value":
        return f"{labels.get(rule.name, rule.name)} against {reference}"
    metric = labels.get(rule.metric, rule.metric)
    if rule.by:
        whole = [
            labels.get(f"{rule.by}={scalar_text(side)}") or _word(side, labels) for side in (rule.a, rule.b)
        ]
        return f"{metric}, {' minus '.join(whole)}"
    if rule.equals is not None:
        of = "" if f"{rule.metric}={scalar_text(rule.equals)}" in labels else "runs with "
        return f"share of {of}{_condition(rule.metric, [rule.equals], labels)} against {reference}"
    return f"mean {metric} against {reference}"


def _method(rule: "Rule") -> str:
    if rule.pairs:
        keys = " and ".join(rule.labels.get(key, key) for key in rule.pairs)
        return f"mean of paired differences, Student t by {keys}"
    if rule.by or rule.exact:
        return "exact" if rule.exact else "Hodges-Lehmann shift"
    return "Student t" if rule.equals is None else "Wilson"


def rule_text(rule: "Rule") -> str:
    """The rule of a claim as a sentence, made from the rule and the file's labels alone."""
    labels, where = rule.labels, rule.where
    rows = f" ({where_text(where, labels)})" if where else ""
    rows += ", failed runs included" if rule.failed_too else ""
    low, mid, high = (
        format_number(rule.reference + shift, ".6g") for shift in (-rule.margin, 0.0, rule.margin)
    )
    whole = "it" if rule.exact else f"the whole {format_number(100 * rule.level, '.6g')} % interval"
    zone = f"{low} to {high}" if rule.margin else mid
    inside = f"{'within ' if rule.margin else ''}{zone}"
    tests = {
        "greater": f"supported if {whole} is above {high}, contradicted if below {low}",
        "less": f"supported if {whole} is below {low}, contradicted if above {high}",
        "equal": f"supported if {whole} (two one-sided tests) is inside {zone}, contradicted if outside",
        "differs": f"supported if {whole} excludes {zone}{', contradicted if it is inside' if rule.margin else ''}",
    }
    if rule.exact:
        tests["equal"] = f"supported if it is {inside}, contradicted if not"
        tests["differs"] = f"supported if it is not {inside}, contradicted if it is"
    family = labels.get(f"family={rule.family}", f"“{rule.family}”")
    family = f"; p adjusted by Holm within {family}" if rule.family else ""
    return f"{_subject(rule)}{rows}; {_method(rule)}: {tests[rule.direction]}{family}."


def reason_text(reason: str, rule: "Rule | None") -> str:
    """Why a claim was not tested, in the words of the file's labels.

    Args:
        reason: of the ``ClaimResult``, which names columns and values as the rows have them.
        rule: of the claim, if it has one.
    """
    if rule is None:
        return reason
    if rule.filters:
        reason = reason.replace(where_text(rule.filters), where_text(rule.filters, rule.labels))
    for name in {rule.metric, rule.name} & rule.labels.keys():
        words = rule.labels[name].replace("\\", r"\\")
        reason = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", words, reason)
    return reason


def outcome_word(result: "ClaimResult") -> str:
    """The outcome as the pages word it: "reproduced" only for a claim that is supported on real data."""
    return outcome_text(dataclasses.asdict(result))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def to_markdown(results: Sequence["ClaimResult"]) -> str:
    """The claims as a Markdown table, a row a claim, ending in a line break."""
    if not results:
        return "No claims.\n"
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    for result in results:
        claim = dataclasses.asdict(result)
        outcome = outcome_word(result) + (f" ({result.reason})" if result.reason else "")
        evidence = result.evidence + (f", {result.figure}" if result.figure else "")
        cells = (
            result.title, result.printed, result.paper_text or MISSING, ours_text(claim),
            sample_text(claim) or MISSING, result.rule_text or MISSING, outcome, evidence,
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    if any(result.evidence == "synthetic data" for result in results):
        lines += ["", "On synthetic data absolute values are not comparable with the paper's."]
    return "\n".join(lines) + "\n"
