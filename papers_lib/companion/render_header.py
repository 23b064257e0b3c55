"""The top of a page: provenance, title, verdict and claims, from the files of a run.

What is shown comes from ``SLUG.results.json``, ``SLUG.manifest.json`` and the claims file; nothing is typed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from papers_lib.companion.palette import DARK, PALETTE
from papers_lib.companion.render_claims import claim_rows, item_rows, outcome_counts
from papers_lib.companion.tables import MISSING
from papers_lib.companion.wording import date_text, duration_text, sizes_text

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Fact:
    """One entry of the provenance strip."""

    name: str
    text: str
    title: str = ""


@cache
def environment() -> jinja2.Environment:
    """The templates of the page, with HTML escaping on; they know the dark theme's colour of each hue."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["hues_on_dark"] = [(hue[1:].lower(), DARK[role].lower()) for role, hue in PALETTE.items()]
    return found


def facts(results: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[Fact]:
    """The provenance strip, in the order in which a reader asks."""
    commit = str(manifest.get("commit") or "")
    return [
        Fact("Status", "recorded" if manifest.get("record") else "complete"),
        Fact("Profile", results["profile"]),
        Fact("Evidence", results["evidence"]),
        Fact("Commit", (commit[:10] or "none") + (" + changes" if manifest.get("dirty") else ""), commit),
        Fact("Date", date_text(manifest.get("date"))),
        Fact("Seeds", seeds_text(manifest.get("seeds"))),
        Fact("Device", device_text(manifest)),
        Fact("Wall time", duration_text(manifest.get("wall_seconds"))),
    ]


def data_facts(data: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """The data sets of the strip, a line each: name, fingerprint (short; whole in ``title``), sizes, note."""
    return [
        {
            "name": name,
            "text": str(entry.get("fingerprint") or "")[:12],
            "title": str(entry.get("fingerprint") or ""),
            "sizes": sizes_text(entry.get("sizes") or {}),
            "note": str(entry.get("note") or ""),
        }
        for name, entry in data.items()
    ]


def seeds_text(seeds: Any) -> str:
    """The parameter ``seeds``: a list as it is, a number as that many.

    >>> seeds_text([0, 1, 2]), seeds_text(8)
    ('0, 1, 2', '8')
    """
    if isinstance(seeds, Sequence) and not isinstance(seeds, str):
        return ", ".join(map(str, seeds))
    return MISSING if seeds is None else str(seeds)


def device_text(manifest: Mapping[str, Any]) -> str:
    """The device by name, with the cores of the machine where it is a CPU."""
    device = manifest.get("device") or {}
    if not isinstance(device, Mapping):
        return str(device)
    cores = (manifest.get("machine") or {}).get("cores")
    name = str(device.get("name") or device.get("type") or MISSING)
    return f"{name}, {cores} cores" if cores and device.get("type") == "cpu" else name


def warnings(results: Mapping[str, Any], manifest: Mapping[str, Any], rules_sha256: str) -> list[str]:
    """What a reader must know before any number: not evidence, changed rules, uncommitted code."""
    found = []
    if results["profile"] == "smoke":
        found.append(
            "Smoke run: not evidence. It only shows that everything works; its numbers mean nothing."
        )
    if results.get("rules_sha256") != rules_sha256:
        found.append("The rules of the claims were changed after these results were made.")
    if manifest.get("dirty"):
        found.append("The code had uncommitted changes when these results were made.")
    return found


def page_context(contract: Any, results: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that ``page.html.j2`` shows around the notebook's body.

    Args:
        contract: the loaded claims file.
        results: SLUG.results.json.
        manifest: SLUG.manifest.json.
    """
    from papers_lib.companion.claims import ClaimResult, verdict

    profile = results["profile"]
    claims = [ClaimResult(**claim) for claim in results["claims"]]
    shown = [*results.get("figures", {}), *results.get("tables", {})]
    comparable = {item.id: bool(item.comparable) for item in contract.items}
    libraries = manifest.get("libraries") or {}
    # The rules' words may have been improved since the run; the rules themselves may not have changed.
    same = results.get("rules_sha256") == contract.rules_sha256
    rules = {item.id: item.rule for item in contract.items if same and item.rule}
    return {
        "paper": paper(contract),
        "profile": profile,
        "published": "" if profile == "full" else f"../full/{results['slug']}.html",
        "facts": facts(results, manifest),
        "data": data_facts(results.get("data") or {}),
        "warnings": warnings(results, manifest, contract.rules_sha256),
        "verdict": verdict(contract, claims),
        "claims": claim_rows(results["claims"], shown, comparable, rules, results.get("absent")),
        "counts": outcome_counts(results["claims"]),
        "items": item_rows(contract.items, profile, results),
        "description": contract.summary,
        "command": manifest.get("command") or "",
        "run_again": f"Took {duration_text(manifest.get('wall_seconds'))} on {device_text(manifest)}, "
        "without runs that the cache had.",
        "libraries": ", ".join(f"{name} {version}" for name, version in sorted(libraries.items())),
    }


def paper(contract: Any) -> dict[str, Any]:
    """Title, authors, venue, links and citation of the paper, as texts."""
    authors = contract.authors
    return {
        "title": contract.title,
        "authors": authors if isinstance(authors, str) else ", ".join(authors),
        "venue": ", ".join(str(part) for part in (contract.venue, contract.year) if part),
        "links": contract.url,
        "summary": contract.summary,
        "bibtex": (contract.bibtex or "").strip(),
    }
