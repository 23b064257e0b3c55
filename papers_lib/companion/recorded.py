"""Recorded results: runs on a data set or a device that the repository does not have; shown, never regenerated.

``reports/full/recorded/SLUG.NAME.json`` is written only by ``papers run --record NAME``; no number is typed.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from papers_lib import files
from papers_lib.companion import paths, provenance
from papers_lib.companion.results import outcomes_table
from papers_lib.companion.tables import raw_table
from papers_lib.companion.wording import date_text
from papers_lib.errors import UserError

_LEFT_OUT = ("files", "inputs", "renderer", "executed_sha256", "record", "schema")  # of the manifest
_RESULTS = ("evidence", "data", "values", "tables", "claims")


def write(root: Path, out: Path, slug: str, name: str) -> Path:
    """Write the recorded results of the run published in ``out``, provenance first."""
    manifest = provenance.read_manifest(out, slug) or {}
    results = provenance.read_json(out / f"{slug}.results.json") or {}
    content = {key: value for key, value in manifest.items() if key not in _LEFT_OUT}
    content |= {key: results[key] for key in _RESULTS if key in results}
    path = paths.recorded_folder(root) / f"{slug}.{name}.json"
    return files.write_json(path, {"schema": 1, "slug": slug, "name": name, **content})


def load(root: Path, slug: str) -> list[dict[str, Any]]:
    """The recorded results of a paper, sorted by name. Raises: UserError, a file is not a JSON object."""
    found = []
    for path in sorted(paths.recorded_folder(root).glob(f"{slug}.*.json")):
        content = provenance.read_json(path)
        if content is None:
            raise UserError(f"{path.name}: not a JSON object; expected a recorded result")
        found.append({"name": path.name.removesuffix(".json").removeprefix(f"{slug}."), **content})
    return found


def html(records: Sequence[Mapping[str, Any]], beside: Mapping[str, Any] | None = None) -> str:
    """Each recorded result as a section: its claims, and folded its tables, but those that ``beside``, the page, has.

    Raises: UserError, a result that lacks what every one has, or has it in another form.
    """
    sections = []
    for record in records:
        try:
            sections.append(_section(record, (beside or {}).get("tables") or {}))
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise UserError(
                f"recorded result {record['name']}: not as --record writes it ({what})"
            ) from error
    return "".join(sections)


def _section(record: Mapping[str, Any], same: Mapping[str, Any]) -> str:
    prefix, device = f"recorded-{record['name']}", record.get("device") or {}
    origin = [date_text(record.get("date")), str(device.get("name", "device not recorded"))]
    origin += [f"commit {record['commit'][:10]}"] if record.get("commit") else []
    for name, facts in (record.get("data") or {}).items():
        told = (facts["evidence"], f"fingerprint {facts['fingerprint'][:12]}", facts.get("note"))
        origin.append(f"data: {name} ({', '.join(filter(None, told))})")
    parts = [
        f'<section class="recorded" id="{prefix}"><h3>Recorded: {escape(str(record["name"]))}</h3>',
        f'<p class="note"><strong>Recorded, not regenerated here.</strong> {escape("; ".join(origin))}.</p>',
    ]
    claims = [claim for claim in record.get("claims") or [] if claim["outcome"] != "not tested"]
    claims = [claim for claim in claims if claim.get("evidence") not in ("measurement", "printed numbers")]
    if claims:
        parts.append(outcomes_table(claims, f"{prefix}-claims", "Recorded"))
    tables = [
        raw_table(table["columns"], table["rows"], caption=table.get("caption", ""), name=f"{prefix}-{id_}")
        for id_, table in sorted((record.get("tables") or {}).items())
        if table["rows"] and table["rows"] != same.get(id_, {}).get("rows")
    ]
    if tables:
        parts += ["<details><summary>Tables of this run</summary>", *tables, "</details>"]
    return "".join([*parts, "</section>"])
