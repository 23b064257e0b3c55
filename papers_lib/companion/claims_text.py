"""Claims in words: the rule as a sentence, the outcome, the table of claims."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

from papers_lib.companion.claims_types import ClaimResult, Contrast, Rule, Scalar
from papers_lib.companion.tables import MISSING, format_number
from papers_lib.companion.wording import ours_text, outcome_text, sample_text

METHOD_TEXTS = {
    "hodges_lehmann": "Hodges-Lehmann shift",
    "welch": "difference of means, Welch",
    "paired_t": "mean of paired differences, Student t",
    "bootstrap": "bootstrap, percentile",
    "student_t": "Student t",
    "wilson": "Wilson",
    "fisher_z": "Fisher z",
    "exact": "exact",
}
COLUMNS = ("Claim", "Printed in", "Paper", "Ours", "n, interval, p", "Rule", "Outcome", "Evidence")


def scalar_text(value: Scalar) -> str:
    """Return a value of a filter as a claims file writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def where_text(where: Mapping[str, Sequence[Scalar]], labels: Mapping[str, str] | None = None) -> str:
    """Return a row filter in words: a label of ``column=value`` stands for the whole condition.

    >>> where_text({"experiment": (1,), "arm": ("main", "weight")})
    'experiment = 1 and arm = main or weight'
    >>> where_text({"experiment": (1,), "kept": (True,)}, {"experiment": "study", "kept=true": "kept models"})
    'study = 1, kept models'
    """
    words = labels or {}
    return (", " if words else " and ").join(_condition(key, some, words) for key, some in where.items())


def _condition(column: str, values: Sequence[Scalar], labels: Mapping[str, str]) -> str:
    whole = [labels.get(f"{column}={scalar_text(value)}", "") for value in values]
    if all(whole):
        return " or ".join(whole)
    words = [labels.get(value, value) if isinstance(value, str) else scalar_text(value) for value in values]
    return f"{labels.get(column, column)} = {' or '.join(words)}"


def _group(contrast: Contrast, value: Scalar, labels: Mapping[str, str]) -> str:
    whole = labels.get(f"{contrast.by}={scalar_text(value)}")
    return whole or (labels.get(value, value) if isinstance(value, str) else scalar_text(value))


def _subject(contrast: Contrast, labels: Mapping[str, str]) -> str:
    metric, x, y, name = (
        labels.get(text, text) for text in (contrast.metric, contrast.x, contrast.y, contrast.name)
    )
    a, b = (_group(contrast, side, labels) for side in (contrast.a, contrast.b))
    reference = format_number(contrast.reference, ".6g")
    texts = {
        "difference": f"{metric}, {a} minus {b}",
        "mean": f"mean {metric} against {reference}",
        "correlation": f"rank correlation of {x} and {y}",
        "value": f"{name} against {reference}",
    }
    if contrast.kind == "proportion" and contrast.equals is None:
        threshold = format_number(contrast.threshold, ".6g")
        return f"share of runs with {metric} ≥ {threshold} against {reference}"
    if contrast.kind == "proportion":
        equals = contrast.equals if contrast.equals is not None else ""
        of = "" if f"{contrast.metric}={scalar_text(equals)}" in labels else "runs with "
        return f"share of {of}{_condition(contrast.metric, (equals,), labels)} against {reference}"
    return texts[contrast.kind]


def rule_text(rule: Rule) -> str:
    """Return the rule of a claim as a sentence, made from the rule and the file's labels alone."""
    contrast, direction, margin, labels = rule.contrast, rule.direction, rule.margin, rule.labels
    rows = f" ({where_text(contrast.where, labels)})" if contrast.where else ""
    if contrast.include_all:
        rows += ", failed runs included"
    pairs = f" by {' and '.join(labels.get(key, key) for key in rule.paired_by)}" if rule.paired_by else ""
    low, mid, high = (format_number(contrast.reference + shift, ".6g") for shift in (-margin, 0.0, margin))
    exact = rule.method == "exact"
    whole = "it" if exact else f"the whole {format_number(100 * rule.interval_level, '.6g')} % interval"
    zone = f"{low} to {high}" if margin else mid
    if direction == "greater":
        test = f"holds if {whole} is above {high}, opposite if below {low}"
    elif direction == "less":
        test = f"holds if {whole} is below {low}, opposite if above {high}"
    elif direction == "equal" and exact:
        test = f"holds if it is {f'within {zone}' if margin else mid}, opposite if not"
    elif direction == "differs" and exact:
        test = f"holds if it is not {f'within {zone}' if margin else mid}, opposite if it is"
    elif direction == "equal":
        test = f"holds if {whole} (two one-sided tests) is inside {zone}, opposite if outside"
    else:
        inside = ", opposite if it is inside" if margin else ""
        test = f"holds if {whole} excludes {zone}{inside}"
    family = labels.get(f"family={rule.family}", f"“{rule.family}”")
    family = f"; p adjusted by Holm within {family}" if rule.family else ""
    return f"{_subject(contrast, labels)}{rows}; {METHOD_TEXTS[rule.method]}{pairs}: {test}{family}."


def reason_text(reason: str, rule: Rule | None) -> str:
    """Return why a claim was not tested in the words of the file's labels.

    Args:
        reason: of the ``ClaimResult``, which names columns and values as the rows have them.
        rule: of the claim, if it has one.
    """
    if rule is None:
        return reason
    contrast = rule.contrast
    where: dict[str, Sequence[Scalar]] = dict(contrast.where)
    if contrast.kind == "difference":
        where[contrast.by] = (contrast.a, contrast.b)
    if where:
        reason = reason.replace(where_text(where), where_text(where, rule.labels))
    for name in {contrast.metric, contrast.x, contrast.y, contrast.name} & rule.labels.keys():
        words = rule.labels[name].replace("\\", r"\\")
        reason = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", words, reason)
    return reason


def outcome_word(result: ClaimResult) -> str:
    """Return the outcome as the pages word it: "reproduced" only for a claim that holds on real data."""
    return outcome_text(dataclasses.asdict(result))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def to_markdown(results: Sequence[ClaimResult]) -> str:
    """Return the claims as a Markdown table, a row a claim, ending in a line break."""
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
    if any(result.evidence == "stand-in" for result in results):
        lines += ["", "On stand-in data absolute values are not comparable with the paper's."]
    return "\n".join(lines) + "\n"
