"""Claims in words: the rule as a sentence, the outcome, the table of claims, the verdict."""

import dataclasses
import string
from collections.abc import Mapping, Sequence
from typing import Any

from papers_lib.companion.claims_types import (
    JUDGED,
    RESULT_FIELDS,
    ClaimResult,
    ClaimsFile,
    Contrast,
    Rule,
    Scalar,
)
from papers_lib.companion.tables import MISSING, format_number, is_missing
from papers_lib.companion.wording import ours_text, outcome_text, sample_text
from papers_lib.errors import UserError

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


def where_text(where: Mapping[str, Sequence[Scalar]]) -> str:
    """Return a row filter in words.

    >>> where_text({"experiment": (1,), "arm": ("main", "weight")})
    'experiment = 1 and arm = main or weight'
    """
    return " and ".join(f"{key} = {' or '.join(map(scalar_text, some))}" for key, some in where.items())


def _subject(contrast: Contrast) -> str:
    reference = format_number(contrast.reference, ".6g")
    texts = {
        "difference": f"{contrast.metric}, {scalar_text(contrast.a)} minus {scalar_text(contrast.b)}",
        "mean": f"mean {contrast.metric} against {reference}",
        "correlation": f"rank correlation of {contrast.x} and {contrast.y}",
        "value": f"{contrast.name} against {reference}",
    }
    if contrast.kind == "proportion":
        test = (
            f"≥ {format_number(contrast.threshold, '.6g')}"
            if contrast.equals is None
            else f"= {scalar_text(contrast.equals)}"
        )
        return f"share of runs with {contrast.metric} {test} against {reference}"
    return texts[contrast.kind]


def rule_text(rule: Rule) -> str:
    """Return the rule of a claim as a sentence, made from the rule alone."""
    contrast, direction, margin = rule.contrast, rule.direction, rule.margin
    rows = f" ({where_text(contrast.where)})" if contrast.where else ""
    if contrast.include_all:
        rows += ", failed runs included"
    pairs = f" by {' and '.join(rule.paired_by)}" if rule.paired_by else ""
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
    family = f"; p adjusted by Holm within “{rule.family}”" if rule.family else ""
    return f"{_subject(contrast)}{rows}; {METHOD_TEXTS[rule.method]}{pairs}: {test}{family}."


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


def check_sentence(sentence: str, claims: ClaimsFile, place: str) -> None:
    """Check that a sentence of the verdict names judged items of the file and fields of their results.

    Raises:
        UserError: unbalanced braces, or a name that is not there.
    """
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None]
    except ValueError as error:
        raise UserError(f"{place}: {error}, expected fields such as {{claim_id.estimate:.2f}}") from error
    judged = [item.id for item in claims.items if item.kind in JUDGED]
    for name in names:
        item, dot, attribute = name.partition(".")
        if item not in judged:
            raise UserError(f"{place}: found {{{name}}}, expected a claim or finding: {', '.join(judged)}")
        if not dot or attribute not in (*RESULT_FIELDS, "word"):
            raise UserError(f"{place}: found {{{name}}}, expected a field: {', '.join(RESULT_FIELDS)}, word")


class _Filler(string.Formatter):
    """Formatter whose fields are ``claim_id.field``; what is missing reads –."""

    def __init__(self, results: Mapping[str, ClaimResult]) -> None:
        self._results = results

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        """Return the value of ``claim_id.field``."""
        item, _, attribute = field_name.partition(".")
        result = self._results.get(item)
        if result is None:
            raise UserError(f"no result for claim {item!r}, expected one of {', '.join(self._results)}")
        return (outcome_word(result) if attribute == "word" else getattr(result, attribute)), item

    def format_field(self, value: Any, format_spec: str) -> str:
        """Format a number with a true minus sign and powers of ten."""
        if is_missing(value):
            return MISSING
        if isinstance(value, str):
            return format(value, format_spec)
        return format_number(value, format_spec or ("d" if isinstance(value, int) else ".3g"))


def verdict(claims: ClaimsFile, results: Sequence[ClaimResult]) -> list[str]:
    """Return the sentences of the verdict, their fields filled from the results; what was not tested reads –.

    Besides the fields of ``ClaimResult`` there is ``{claim_id.word}``, the outcome as the pages word it.

    Raises:
        UserError: a claim without a result (of another version of the file), or a format that does not fit.
    """
    filler = _Filler({result.id: result for result in results})
    sentences = []
    for number, sentence in enumerate(claims.verdict, start=1):
        place = f"{claims.file}: verdict: sentence {number}"
        check_sentence(sentence, claims, place)
        try:
            sentences.append(filler.format(sentence))
        except (UserError, ValueError) as error:
            raise UserError(f"{place}: {error}") from error
    return sentences
