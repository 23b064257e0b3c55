"""The verdict of a page: sentences of the claims file, filled from the results."""

import string
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from papers_lib.companion.claims_text import outcome_word, reason_text
from papers_lib.companion.claims_types import JUDGED, RESULT_FIELDS, ClaimResult, ClaimsFile, Rule
from papers_lib.companion.tables import MISSING, format_number, is_missing
from papers_lib.errors import UserError


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

    def undecided(self, sentence: str) -> list[ClaimResult]:
        """Return the claims of a sentence that were not tested, or lack the number that it asks for."""
        found: dict[str, ClaimResult] = {}
        for _, name, _, _ in self.parse(sentence):
            if name is None:
                continue
            value, item = self.get_field(name, (), {})
            if is_missing(value) or self._results[item].outcome == "not tested":
                found[item] = self._results[item]
        return list(found.values())

    def format_field(self, value: Any, format_spec: str) -> str:
        """Format a number with a true minus sign and powers of ten."""
        if is_missing(value):
            return MISSING
        if isinstance(value, str):
            return format(value, format_spec)
        return format_number(value, format_spec or ("d" if isinstance(value, int) else ".3g"))


def _undecided_text(results: Sequence[ClaimResult], rules: Mapping[str, Rule | None]) -> str:
    """Return one sentence on the claims that a sentence of the verdict could not speak of."""
    titles: dict[str, list[str]] = {}
    for result in results:
        reason = reason_text(result.reason, rules.get(result.id)) or "no interval"
        reason = "no rows" if reason.startswith("no rows with ") else reason.rstrip(".")
        title = textwrap.shorten(result.title.rstrip("."), 72, placeholder=" …")
        titles.setdefault(reason, []).append(f"“{title}”")
    parts = [f"{', '.join(some)} ({reason})" for reason, some in titles.items()]
    return f"Not decided on this page: {'; '.join(parts)}."


def verdict(claims: ClaimsFile, results: Sequence[ClaimResult]) -> list[str]:
    """Return the sentences of the verdict, their fields filled from the results.

    A sentence that names a claim that was not tested, or a number that a result lacks, is replaced as a whole
    by one that says so. Besides the fields of ``ClaimResult`` there is ``{claim_id.word}``, the outcome as the
    pages word it.

    Raises:
        UserError: a claim without a result (of another version of the file), or a format that does not fit.
    """
    filler = _Filler({result.id: result for result in results})
    rules = {item.id: item.rule for item in claims.items}
    sentences = []
    for number, sentence in enumerate(claims.verdict, start=1):
        place = f"{claims.file}: verdict: sentence {number}"
        check_sentence(sentence, claims, place)
        try:
            # Filled in any case, so that every profile shows a slip of the template.
            filled = filler.format(sentence)
            open_ = filler.undecided(sentence)
            sentences.append(_undecided_text(open_, rules) if open_ else filled)
        except (UserError, ValueError) as error:
            raise UserError(f"{place}: {error}") from error
    return sentences
