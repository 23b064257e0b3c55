"""``index.html`` of a report folder: the papers that are there, each with its outcomes and a thumbnail."""

import base64
import json
import re
from collections import Counter
from html import unescape
from pathlib import Path
from typing import Any

from papers_lib.companion import paths, recorded, render_claims, render_header
from papers_lib.companion.claims_types import JUDGED
from papers_lib.companion.wording import day_text, duration_text, evidence_text
from papers_lib.errors import UserError
from papers_lib.files import write_text

_FIGURE = re.compile(r"<figure id=[\"']([\w-]+).*?</figure>", re.DOTALL)
_VECTOR = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_RASTER = re.compile(r'<img\b[^>]*\bsrc="(data:image/[^"]+)"')
_ALT = re.compile(r'\b(?:alt|aria-label)="([^"]*)"')


def render_index(out: Path, root: Path) -> Path:
    """Write ``out/index.html`` from the pages, results and manifests in ``out``.

    Args:
        out: report folder.
        root: the checkout, for the claims files.

    Raises:
        UserError: a results file there is not JSON.
    """
    slugs = sorted(path.name.removesuffix(".results.json") for path in out.glob("*.results.json"))
    papers = [_entry(slug, out, root) for slug in slugs if (out / f"{slug}.html").is_file()]
    profile = papers[0]["profile"] if papers else out.name
    template = render_header.environment().get_template("index.html.j2")
    html = template.render(
        papers=papers, profile=profile, description="Papers, regenerated beside what they printed."
    )
    return write_text(out / "index.html", html)


def _entry(slug: str, out: Path, root: Path) -> dict[str, Any]:
    from papers_lib.companion.claims import load_claims

    contract = load_claims(paths.claims_path(root, slug))
    results = _read(out / f"{slug}.results.json")
    manifest = _read(out / f"{slug}.manifest.json") if (out / f"{slug}.manifest.json").is_file() else {}
    picture, alt = thumbnail((out / f"{slug}.html").read_text(encoding="utf-8"), contract.thumbnail)
    judged = [claim for claim in results["claims"] if claim.get("kind", "claim") in JUDGED]
    return {
        "slug": slug,
        **render_header.paper(contract),
        "judged": len(judged),
        "counts": render_claims.outcome_counts(results["claims"]),
        "warnings": [
            w for w in render_header.warnings(results, manifest, contract.rules_sha256) if "Smoke" not in w
        ],
        "evidence": evidence(judged) or results["evidence"],
        "profile": results["profile"],
        "date": str(manifest.get("date") or ""),
        "day": day_text(manifest.get("date")),
        "wall": _wall(manifest, out / f"{slug}.timings.json"),
        "recorded": [record["name"] for record in recorded.load(root, slug)],
        "thumbnail": picture,
        "vector": picture.startswith("data:image/svg"),
        "alt": alt,
    }


def evidence(claims: list[dict[str, Any]]) -> str:
    """What the claims that were tested rest on, the most frequent first.

    >>> evidence([{"outcome": "holds", "evidence": "stand-in"}, {"outcome": "not tested", "evidence": "stand-in"}])
    'stand-in for 1 claim'
    """
    kinds = Counter(
        evidence_text(claim.get("evidence")) for claim in claims if claim["outcome"] != "not tested"
    )
    parts = [f"{kind} for {count}" for kind, count in kinds.most_common()]
    if not parts:
        return ""
    return ", ".join([f"{parts[0]} claim{'s' * (kinds.most_common(1)[0][1] > 1)}", *parts[1:]])


def _wall(manifest: dict[str, Any], timings: Path) -> str:
    """How long the page took without the runs that the cache had, and where it was measured from an empty one."""
    seconds = manifest.get("wall_seconds")
    if seconds is None:
        return duration_text(seconds)
    rows = _read(timings).get("rows", []) if timings.is_file() else []
    minutes = [row["minutes"] for row in rows if row.get("minutes")]
    whole = f"; {round(sum(minutes))} min from an empty cache" if minutes else ""
    return f"{duration_text(seconds)}, without runs that the cache had{whole}"


def thumbnail(html: str, name: str = "") -> tuple[str, str]:
    """A figure of a page as a data URI, and its alt text; empty texts when it has none.

    It is read from the page, the one file that is always there: figure files are not in git.

    Args:
        html: the page.
        name: id of the figure that is wanted; the first one where the page has no such figure.

    >>> thumbnail('<figure id="a"><img alt="A map" src="data:image/webp;base64,AA=="></figure>')
    ('data:image/webp;base64,AA==', 'A map')
    """
    found = {figure[1]: figure for figure in _FIGURE.finditer(html)}
    figure = found.get(name) or next(iter(found.values()), None)
    if figure is None:
        return "", ""
    vector, raster = _VECTOR.search(figure[0]), _RASTER.search(figure[0])
    alt = _ALT.search(vector[0] if vector else figure[0])  # the box around a drawing has a label of its own
    words = unescape(alt[1]) if alt else ""
    if vector:
        # An image has no page to take its text colour from: ink, on the light card that is put below it.
        drawing = (
            vector[0]
            .replace("currentColor", "#1d2127")
            .replace("font-family:inherit", "font-family:sans-serif")
        )
        return f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}", words
    return (raster[1], words) if raster else ("", "")


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path.name}: not JSON ({error})") from error
    return content
