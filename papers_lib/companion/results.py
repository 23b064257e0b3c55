"""What a page writes at its end: results.json and claims.md."""

import dataclasses
import math
import numbers
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.companion.tables import MISSING, is_missing, raw_table
from papers_lib.companion.wording import ours_text, outcome_text, sample_text
from papers_lib.errors import UserError
from papers_lib.files import write_json, write_text

if TYPE_CHECKING:
    import pandas as pd

    from papers_lib.companion.claims import ClaimResult, ClaimsFile


def plain(value: Any) -> Any:
    """A value as results.json holds it: builtin types, floats to ten significant digits, NaN and infinity as None.

    >>> plain({"a": (1 / 3, float("nan"), True)})
    {'a': [0.3333333333, None, True]}
    """
    if is_missing(value):
        return None
    if isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if type(value).__module__ == "numpy":
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(f"{float(value):.10g}") if math.isfinite(value) else None
    raise UserError(f"results: found {value!r} ({type(value).__name__}); expected a number, text or a list")


def portable(value: Any) -> Any:
    """A parameter without the folders of this machine: of an absolute path only the last name stays."""
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def outcomes_table(claims: Sequence[Mapping[str, Any]], name: str, ours: str = "Ours") -> str:
    """Judged claims as a table, one row each: the paper's value, our estimate (headed ``ours``), sample, outcome."""
    cells = [
        [str(claim["title"]), claim.get("paper_text") or MISSING, ours_text(claim), sample_text(claim) or MISSING,
         outcome_text(claim)]
        for claim in claims
    ]  # fmt: skip
    columns = ["Claim", "Paper", ours, "n, interval, p", "Outcome"]
    return raw_table(columns, cells, caption="Claims.", name=name)


def check_complete(contract: "ClaimsFile", profile: str, made: Mapping[str, Collection[str]]) -> None:
    """Refuse a page without a figure or table declared for the profile (all are named); ``made``: kind → ids."""
    declared = [(kind, id_) for kind in made for id_ in contract.declared(profile, kind)]
    if missing := [f"{kind} {id_}" for kind, id_ in declared if id_ not in made[kind]]:
        raise UserError(f"{contract.slug}: declared for profile {profile} but not made: {', '.join(missing)}")


def check_ended(slug: str, rows: "pd.DataFrame | None") -> None:
    """Refuse a page from which runs are missing by accident (failed, killed): its claims would be judged without them.

    Runs that diverged or collapsed have ended: that is their result. The others are tried again by the next run.
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
    """Write SLUG.results.json (content, a row per run, claims) and, last, SLUG.claims.md."""
    from papers_lib.companion.claims import to_markdown

    results = {**content, "schema": 1, "slug": slug, "claims": [dataclasses.asdict(one) for one in claims]}
    results["rows"] = [] if rows is None else rows.to_dict("records")
    write_json(out / f"{slug}.results.json", plain(results))
    write_text(out / f"{slug}.claims.md", to_markdown(claims))
