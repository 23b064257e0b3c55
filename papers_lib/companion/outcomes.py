"""Judged claims as a plain table: in the notebook, and for recorded results."""

from collections.abc import Mapping, Sequence
from typing import Any

from papers_lib.companion.tables import MISSING, raw_table
from papers_lib.companion.wording import ours_text, outcome_text, sample_text


def outcomes_table(claims: Sequence[Mapping[str, Any]], name: str, ours: str = "Ours") -> str:
    """A row a claim: what the paper has, our estimate, its sample and p, the outcome.

    Args:
        claims: ClaimResults as mappings.
        name: id of the table.
        ours: head of the column of estimates.
    """
    cells = [
        [
            str(claim["title"]),
            claim.get("paper_text") or MISSING,
            ours_text(claim),
            sample_text(claim) or MISSING,
            outcome_text(claim),
        ]
        for claim in claims
    ]
    columns = ["Claim", "Paper", ours, "n, interval, p", "Outcome"]
    return raw_table(columns, cells, caption="Claims.", name=name)
