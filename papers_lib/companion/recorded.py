"""Results recorded elsewhere (a real data set, a GPU), shown as such: nothing here is regenerated."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from papers_lib.companion.claims_types import OF_NO_DATA
from papers_lib.companion.outcomes import outcomes_table
from papers_lib.companion.tables import format_number, html_table, is_missing, raw_table
from papers_lib.companion.wording import date_text
from papers_lib.errors import UserError


def load(root: Path, slug: str) -> list[dict[str, Any]]:
    """The recorded results of a paper, sorted by name.

    Raises:
        UserError: a file is not a JSON object.
    """
    found = []
    for path in sorted((root / "reports" / "full" / "recorded").glob(f"{slug}.*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{path.name}: not JSON ({error}); expected a recorded result") from error
        if not isinstance(content, dict):
            raise UserError(f"{path.name}: found a {type(content).__name__}; expected an object")
        found.append({"name": path.name.removesuffix(".json").removeprefix(f"{slug}."), **content})
    return found


def html(records: Sequence[Mapping[str, Any]], beside: Mapping[str, Any] | None = None) -> str:
    """Each recorded result as a section: its claims, and folded its tables and values; empty when there is none.

    What rests on no data (claims on published numbers, measurements) and what ``beside`` has alike is left out.

    Args:
        records: of :func:`load`.
        beside: the results of the page that they stand on.

    Raises:
        UserError: a result that lacks what every one has, or has it in another form.
    """
    sections = []
    for record in records:
        try:
            sections.append(_section(record, beside or {}))
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise UserError(
                f"recorded result {record['name']}: not as --record writes it ({what})"
            ) from error
    return "".join(sections)


def _section(record: Mapping[str, Any], beside: Mapping[str, Any]) -> str:
    title = str(record["name"])
    prefix = f"recorded-{title}"
    parts = [
        f'<section class="recorded" id="{prefix}"><h3>Recorded: {escape(title)}</h3>',
        f'<p class="note"><strong>Recorded, not regenerated here.</strong> {escape(_origin(record))}</p>',
    ]
    claims = [claim for claim in record.get("claims") or [] if claim.get("outcome") != "not tested"]
    claims = [claim for claim in claims if claim.get("evidence") not in OF_NO_DATA]
    if claims:
        parts.append(outcomes_table(claims, f"{prefix}-claims", "Recorded"))
    same = beside.get("tables") or {}
    tables = [
        raw_table(table["columns"], table["rows"], caption=table.get("caption", ""), name=f"{prefix}-{id_}")
        for id_, table in sorted((record.get("tables") or {}).items())
        if table["rows"] and table["rows"] != same.get(id_, {}).get("rows")
    ]
    parts += _folded(f"Tables of this run ({len(tables)})", tables)
    known = beside.get("values") or {}
    cells = [
        [key, format_number(value, ".4g")]
        for key, value in sorted((record.get("values") or {}).items())
        if not is_missing(value) and value != known.get(key)
    ]
    if cells:
        numbers = html_table(
            ["Name", "Value"], cells, [False, True], caption="Values.", name=f"{prefix}-values"
        )
        parts += _folded(f"Values of this run ({len(cells)})", [numbers])
    return "".join([*parts, "</section>"])


def _folded(title: str, content: Sequence[str]) -> list[str]:
    return [f"<details><summary>{escape(title)}</summary>", *content, "</details>"] if content else []


def _origin(record: Mapping[str, Any]) -> str:
    """When, on what and from which commit and data a record was made, in one sentence."""
    device = record.get("device") or "device not recorded"
    if isinstance(device, Mapping):
        device = device.get("name") or device.get("type")
    commit = str(record.get("commit") or "")[:10]
    data = record.get("data") or {}
    described = []
    for name, entry in data.items():
        facts = entry if isinstance(entry, Mapping) else {"fingerprint": entry}
        note = f", {facts['note']}" if facts.get("note") else ""
        evidence = f"{facts['evidence']}, " if facts.get("evidence") else ""
        described.append(f"{name} ({evidence}fingerprint {str(facts.get('fingerprint', ''))[:12]}{note})")
    words = [date_text(record.get("date")), str(device)]
    words += [f"commit {commit}"] if commit else []
    words += [f"data: {', '.join(described)}"] if described else []
    note = f" {record['note']}" if record.get("note") else ""
    return "; ".join(words) + "." + note
