"""What a page writes at its end: results.json, claims.md and the token that says it got there."""

import dataclasses
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.companion.jsonable import plain
from papers_lib.errors import UserError
from papers_lib.files import write_json, write_text

if TYPE_CHECKING:
    import pandas as pd

    from papers_lib.companion.claims import ClaimResult, ClaimsFile


def check_complete(contract: "ClaimsFile", profile: str, made: Mapping[str, Collection[str]]) -> None:
    """Refuse a page that lacks a declared part.

    Args:
        contract: the claims file.
        profile: quick, smoke, full or paper.
        made: "figure" and "table" → the ids that were made, or said to be absent.

    Raises:
        UserError: figures or tables declared for the profile were not made; all are listed.
    """
    declared = [(kind, id_) for kind in made for id_ in contract.declared(profile, kind)]
    missing = [f"{kind} {id_}" for kind, id_ in declared if id_ not in made[kind]]
    if missing:
        raise UserError(f"{contract.slug}: declared for profile {profile} but not made: {', '.join(missing)}")


def check_ended(slug: str, rows: "pd.DataFrame | None") -> None:
    """Refuse a page from which runs are missing by accident: its claims would be judged without them.

    Runs that diverged or collapsed have ended: that is their result. Those that raised another exception, or
    whose process was killed, are not in the cache, and the next ``papers run`` tries them again.

    Args:
        slug: the paper.
        rows: a row a run (or several), with the columns ``status`` and ``reason`` of ``records_frame``.

    Raises:
        UserError: rows of such runs; the line holds their number and the first reason.
    """
    from papers_lib.sweep import STORED

    if rows is None or "status" not in rows:
        return
    missing = rows[~rows["status"].isin(STORED)]
    if len(missing):
        first = missing.iloc[0]
        why = ": ".join(str(first[name]) for name in ("status", "reason") if name in rows and first[name])
        found = f"{len(missing)} of {len(rows)} rows are of runs that did not end ({why})"
        raise UserError(f"{slug}: {found}; run again: the others are in the cache")


def judged(
    contract: "ClaimsFile", rows: "pd.DataFrame | None", values: dict[str, float], profile: str, evidence: str
) -> "list[ClaimResult]":
    """Every claim of ``profile`` judged by the rows and values of a page."""
    import pandas as pd

    from papers_lib.companion.judging import evaluate

    return evaluate(contract, pd.DataFrame() if rows is None else rows, values, profile, evidence)


def write(
    out: Path, slug: str, content: Mapping[str, Any], rows: "pd.DataFrame | None", claims: "list[ClaimResult]"
) -> None:
    """Write SLUG.results.json, SLUG.claims.md and, last, SLUG_files/finished.json.

    Args:
        out: report folder.
        slug: the paper.
        content: profile, parameters, evidence, data, values, figures, tables, absent and rules_sha256.
        rows: the tidy table of runs.
        claims: as judged.
    """
    from papers_lib.companion.claims import to_markdown

    results = {
        **content,
        "schema": 1,
        "slug": slug,
        "rows": [] if rows is None else rows.to_dict("records"),
        "claims": [dataclasses.asdict(result) for result in claims],
    }
    write_json(out / f"{slug}.results.json", plain(results))
    write_text(out / f"{slug}.claims.md", to_markdown(claims))
    write_json(out / f"{slug}_files" / "finished.json", {"nonce": os.environ.get("PAPERS_NONCE", "")})
