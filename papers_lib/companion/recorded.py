"""Results recorded elsewhere (a real data set, a GPU), shown as such: nothing here is regenerated."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from papers_lib.companion.outcomes import outcomes_table
from papers_lib.companion.tables import format_number, html_table, raw_table
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
        except ValueError as error:
            raise UserError(f"{path.name}: not JSON ({error}); expected a recorded result") from error
        if not isinstance(content, dict):
            raise UserError(f"{path.name}: found a {type(content).__name__}; expected an object")
        found.append({"name": path.name.removesuffix(".json").removeprefix(f"{slug}."), **content})
    return found


def html(records: Sequence[Mapping[str, Any]]) -> str:
    """Each recorded result as a section of tables; empty when there is none."""
    return "".join(_section(record) for record in records)


def _section(record: Mapping[str, Any]) -> str:
    title = str(record["name"])
    prefix = f"recorded-{title}"
    parts = [
        f'<section class="recorded" id="{prefix}"><h3>Recorded: {escape(title)}</h3>',
        f'<p class="note"><strong>Recorded, not regenerated here.</strong> {escape(_origin(record))}</p>',
    ]
    claims = [claim for claim in record.get("claims") or [] if claim.get("outcome") != "not tested"]
    if claims:
        parts.append(outcomes_table(claims, f"{prefix}-claims", "Recorded"))
    for id_, table in sorted((record.get("tables") or {}).items()):
        name = f"{prefix}-{id_}"
        parts.append(raw_table(table["columns"], table["rows"], caption=table.get("caption", ""), name=name))
    values = record.get("values") or {}
    if values:
        cells = [[key, format_number(value, ".4g")] for key, value in sorted(values.items())]
        parts.append(
            html_table(["Name", "Value"], cells, [False, True], caption="Values.", name=f"{prefix}-values")
        )
    return "".join([*parts, "</section>"])


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
