"""``papers claims``: the claims of a page for the terminal, read from its results."""

import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from papers_lib.companion import paths, provenance
from papers_lib.companion.wording import MISSING, ours_text, outcome_text, sample_text, word
from papers_lib.errors import UserError


def lines(root: Path, slug: str, profile: str) -> Iterator[str]:
    """A block for each claim (outcome, title, the paper's value, ours, reason), wrapped; then the counts.

    Raises:
        UserError: the page has no results yet (the line says what to run).
    """
    out = paths.report_folder(root, profile)
    results = provenance.read_json(out / f"{slug}.results.json")
    if results is None:
        todo = f"papers run {slug} --profile {profile}"
        raise UserError(f"{slug}: no results in reports/{out.name}; first run: {todo}")
    width = min(shutil.get_terminal_size().columns, 100)
    for claim in results["claims"]:
        yield f"{claim['id']}: {outcome_text(claim)}"
        here = "; ".join(filter(None, (ours_text(claim), sample_text(claim))))
        for name, text in (
            ("", claim["title"]),
            ("paper", f"{claim.get('paper_text') or MISSING} ({claim['printed']})"),
            ("here", here),
            ("reason", claim.get("reason") or ""),
        ):
            label = f"  {name:<8}" if name else "  "
            indents: Any = {"initial_indent": label, "subsequent_indent": " " * len(label)}
            yield from textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False, **indents)
        yield ""
    counts = Counter(map(outcome_text, results["claims"])).most_common()
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in counts)
    yield f"{slug}: {outcomes or 'no claims'}; evidence: {word(results['evidence'])}"
