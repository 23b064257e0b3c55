"""``papers claims``: the claims of a page for the terminal, a block each, read from its results."""

import shutil
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from papers_lib.companion import paths, provenance
from papers_lib.companion.listing import outcome_counts
from papers_lib.companion.wording import ours_text, outcome_text, sample_text
from papers_lib.errors import UserError

WIDEST = 100


def block(claim: Mapping[str, Any], width: int) -> Iterator[str]:
    """One claim: id and outcome, then title, paper, ours and reason; wrapped, never cut.

    >>> claim = {"id": "larger", "title": "Larger.", "outcome": "not tested", "reason": "no rows"}
    >>> print(*block({**claim, "kind": "claim", "estimate": None, "paper_text": ".9"}, 80), sep="\\n")
    larger: not tested
      Larger.
      paper   .9
      ours    –
      reason  no rows
    """
    yield f"{claim['id']}: {outcome_text(claim)}"
    yield from _wrapped(claim["title"], "  ", "  ", width)
    printed = f" ({claim['printed']})" if claim.get("printed") else ""
    sample = sample_text(claim)
    rows = [
        ("paper", f"{claim.get('paper_text') or '–'}{printed}"),
        ("ours", f"{ours_text(claim)}{f'; {sample}' if sample else ''}"),
        ("reason", claim.get("reason") or ""),
    ]
    for name, text in rows:
        if text:
            yield from _wrapped(text, f"  {name:<8}", " " * 10, width)


def _wrapped(text: str, first: str, rest: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def lines(root: Path, slug: str, profile: str) -> Iterator[str]:
    """The claims of a page, and how many came out how.

    Raises:
        UserError: the page has no results yet (the line says what to run).
    """
    out = paths.report_folder(root, profile)
    results = provenance.read_json(out / f"{slug}.results.json")
    if results is None:
        raise UserError(
            f"{slug}: no results in reports/{out.name}; first run: papers run {slug} --profile {profile}"
        )
    width = min(shutil.get_terminal_size().columns, WIDEST)
    for claim in results["claims"]:
        yield from block(claim, width)
        yield ""
    yield f"{slug}: {outcome_counts(results) or 'no claims'}; evidence: {results['evidence']}"
