"""The top of a page: provenance, title, verdict and claims, from the files of a run.

What is shown comes from ``SLUG.results.json``, ``SLUG.manifest.json`` and the claims file; nothing is typed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from papers_lib.companion.tables import MISSING
from papers_lib.companion.wording import date_text, duration_text, ours_text, outcome_text, sample_text

TEMPLATES = Path(__file__).parent / "templates"
SYMBOLS = {"holds": "✓", "reproduced": "✓", "opposite": "✗", "inconclusive": "?", "not tested": "–"}
JUDGED = ("claim", "finding")


@dataclass(frozen=True)
class Fact:
    """One entry of the provenance strip."""

    name: str
    text: str
    title: str = ""


@cache
def environment() -> jinja2.Environment:
    """The templates of the page, with HTML escaping on."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def facts(results: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[Fact]:
    """The provenance strip, in the order in which a reader asks."""
    commit = str(manifest.get("commit") or "")
    data = results.get("data") or {}
    names = ", ".join(data) or MISSING
    prints = [str(entry.get("fingerprint", "")) for entry in data.values()]
    found = [
        Fact("Status", "recorded" if manifest.get("record") else "complete"),
        Fact("Profile", results["profile"]),
        Fact("Evidence", results["evidence"]),
        Fact("Commit", (commit[:10] or "none") + (" + changes" if manifest.get("dirty") else ""), commit),
        Fact("Date", date_text(manifest.get("date"))),
        Fact("Seeds", seeds_text(manifest.get("seeds"))),
        Fact("Device", device_text(manifest)),
        Fact("Wall time", duration_text(manifest.get("wall_seconds"))),
        Fact("Data", names),
        Fact("Fingerprint", ", ".join(text[:12] for text in prints) or MISSING, ", ".join(prints)),
    ]
    return found


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


def claim_rows(
    claims: Sequence[Mapping[str, Any]], shown: Sequence[str], comparable: Mapping[str, bool]
) -> list[dict]:
    """The claims table, a row a claim.

    Args:
        claims: ClaimResults of results.json.
        shown: ids of the figures and tables that the page has, for the links.
        comparable: claim id → whether its absolute value may be compared with the paper's.
    """
    rows = []
    for claim in claims:
        if claim.get("kind", "claim") not in JUDGED:
            continue
        outcome = outcome_text(claim)
        figure = claim.get("figure") or ""
        far = claim.get("evidence") == "stand-in" and claim.get("paper_value") is not None
        rows.append(
            {
                "id": claim["id"],
                "title": claim["title"],
                "finding": claim.get("kind") == "finding",
                "printed": claim.get("printed") or MISSING,
                "paper": claim.get("paper_text") or MISSING,
                "not_comparable": far and not comparable.get(claim["id"], False),
                "ours": _unbroken(ours_text(claim)).replace(", ", ",\u00a0"),
                "sample": _unbroken(sample_text(claim)),
                "rule": claim.get("rule_text") or MISSING,
                "outcome": outcome,
                "symbol": SYMBOLS.get(outcome, ""),
                "css": claim["outcome"].replace(" ", "-"),
                "evidence": claim.get("evidence") or MISSING,
                "reason": claim.get("reason") or "",
                "figure": figure if figure in shown else "",
            }
        )
    return rows


def _unbroken(text: str) -> str:
    """Numbers kept on one line with what follows them."""
    return text.replace(" × ", "\u00a0×\u00a0").replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0")


def item_rows(items: Sequence[Any], profile: str, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures and tables of the paper: where each stands on this page, or that it is not regenerated."""
    made = {**results.get("figures", {}), **results.get("tables", {})}
    return [
        {
            "id": item.id,
            "title": item.title,
            "printed": item.printed or MISSING,
            "made": item.id in made,
            "profiles": ", ".join(item.profiles),
        }
        for item in items
        if item.kind not in JUDGED
    ]


def outcome_counts(claims: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many claims have each outcome, in a fixed order, those with none left out.

    >>> outcome_counts([{"outcome": "holds", "evidence": "stand-in"}])
    [{'outcome': 'holds', 'symbol': '✓', 'css': 'holds', 'count': 1}]
    """
    words = [outcome_text(claim) for claim in claims if claim.get("kind", "claim") in JUDGED]
    return [
        {
            "outcome": word,
            "symbol": symbol,
            "css": "holds" if word == "reproduced" else word.replace(" ", "-"),
            "count": words.count(word),
        }
        for word, symbol in SYMBOLS.items()
        if word in words
    ]


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
    return {
        "paper": paper(contract),
        "profile": profile,
        "published": "" if profile == "full" else f"../full/{results['slug']}.html",
        "facts": facts(results, manifest),
        "warnings": warnings(results, manifest, contract.rules_sha256),
        "verdict": verdict(contract, claims),
        "claims": claim_rows(results["claims"], shown, comparable),
        "counts": outcome_counts(results["claims"]),
        "items": item_rows(contract.items, profile, results),
        "description": contract.summary,
        "command": manifest.get("command") or "",
        "run_again": f"Took {duration_text(manifest.get('wall_seconds'))} on {device_text(manifest)}.",
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
