"""``papers claims``: the claims of a page as a table in the terminal, read from its results."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from papers_lib.companion import paths, provenance
from papers_lib.companion.listing import outcome_counts
from papers_lib.companion.wording import ours_text, outcome_text, sample_text
from papers_lib.errors import UserError


def show(root: Path, slug: str, profile: str) -> None:
    """Print the claims table of a page.

    Raises:
        UserError: the page has no results yet (the line says what to run).
    """
    out = paths.report_folder(root, profile)
    results = provenance.read_json(out / f"{slug}.results.json")
    if results is None:
        raise UserError(
            f"{slug}: no results in reports/{out.name}; first run: papers run {slug} --profile {profile}"
        )
    table = Table(
        "claim", "printed in", "paper", "ours", "n, interval, p", "outcome", title=f"{slug} ({profile})"
    )
    for claim in results["claims"]:
        why = f" ({claim['reason']})" if claim.get("reason") else ""
        table.add_row(
            f"{claim['id']}: {claim['title']}", claim.get("printed") or "–", claim.get("paper_text") or "–",
            ours_text(claim), sample_text(claim) or "–", outcome_text(claim) + why,
        )  # fmt: skip
    console = Console(highlight=False, markup=False)
    console.print(table)
    console.print(f"{slug}: {outcome_counts(results) or 'no claims'}; evidence: {results['evidence']}")
