"""One self-contained HTML page a paper, from an executed notebook and its results; and the index of a report folder.

No request to any host: style, scripts, figures and mathematics are in the file.
"""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from nbconvert.filters import ansi2html
from nbconvert.filters.highlight import Highlight2HTML

from papers_lib.companion import paths, provenance, recorded, wording
from papers_lib.companion.palette import DARK, PALETTE
from papers_lib.companion.prose import markdown_html
from papers_lib.companion.tables import raw_table
from papers_lib.errors import UserError
from papers_lib.files import write_text

DROPPED = "lab-only"  # tag of cells for JupyterLab; the page has their content at its top
# Ids that page.html.j2 gives; a notebook's headings get others.
FIXED_IDS = ("main", "verdict", "claims", "regenerated", "recorded", "costs", "timings", "run-again", "cite")
SYMBOLS = {"supported": "✓", "reproduced": "✓", "contradicted": "✗", "inconclusive": "?", "not tested": "–"}

# What would make a browser fetch something: the page must hold none. Links (<a href>) are no requests.
_REQUEST = re.compile(
    r"<[^>]*?\s(?:src|srcset|poster|data|background|xlink:href)\s*=\s*[\"']?(?!data:|#|[\"'\s>])([^\"'\s>]+)"
    r"|<(?:link|image|use|base)\b[^>]*?\shref\s*=\s*[\"']?(?!data:|#|[\"'\s>])([^\"'\s>]+)"
    r"|(?:url\(|@import|\bfetch\(|\bimport\()\s*[\"']?((?:https?:)?//[^\"')\s;]+)"
    r"|<meta\b[^>]*http-equiv\s*=\s*[\"']?(refresh)",
    re.IGNORECASE,
)


def render(slug: str, out: Path, root: Path) -> Path:
    """Write ``out/SLUG.html`` from the executed notebook, results, manifest and claims file of a run.

    Raises:
        UserError: a file is missing or no JSON, a formula cannot be parsed, an image has no alt text, or the
            page would make a request.
    """
    from papers_lib.companion.claims import ClaimResult, load_claims, verdict

    results, manifest = _json(out / f"{slug}.results.json"), _json(out / f"{slug}.manifest.json")
    executed = out / f"{slug}_files" / "executed.ipynb"
    if not executed.is_file():
        raise UserError(f"{slug}_files/executed.ipynb: not found; first run: papers run")
    contract = load_claims(paths.claims_path(root, slug))
    absent = results.get("absent") or {}
    shown = {*results["figures"], *results["tables"]}
    html = environment().get_template("page.html.j2").render(
        paper=contract,
        description=contract.summary,
        results=results,
        manifest=manifest,
        published="" if results["profile"] == "full" else f"../full/{slug}.html",
        warnings=warnings(results, manifest, contract.rules_sha256),
        verdict=verdict(contract, [ClaimResult(**claim) for claim in results["claims"]]),
        items=[item for item in contract.items if item.kind in ("figure", "table")],
        shown=shown - {*absent},
        absent=absent,
        cells=list(_cells(nbformat.read(executed, as_version=4), {*FIXED_IDS, *shown})),
        recorded=recorded.html(recorded.load(root, slug), results),
        timings=timings_html(out / f"{slug}.timings.json"),
    )  # fmt: skip
    html = html.replace("<!-- contents -->", _contents(html))
    refuse_requests(html, slug)
    return write_text(out / f"{slug}.html", html)


def render_index(out: Path, root: Path) -> Path:
    """Write ``out/index.html``: the papers of a report folder, each with its outcomes and a figure."""
    slugs = sorted(path.name.removesuffix(".results.json") for path in out.glob("*.results.json"))
    papers = [_entry(slug, out, root) for slug in slugs if (out / f"{slug}.html").is_file()]
    template = environment().get_template("index.html.j2")
    about = {"profile": out.name, "description": "Papers, regenerated beside what they printed."}
    return write_text(out / "index.html", template.render(papers=papers, **about))


@cache
def environment() -> jinja2.Environment:
    """The templates, with HTML escaping on and the words for numbers, outcomes and dates as filters."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"hues": [(hue.lower(), DARK[role].lower()) for role, hue in PALETTE.items()]}
    found.globals |= {"counts": outcome_counts, "symbols": SYMBOLS}
    texts = ("date", "duration", "ours", "sample", "outcome")
    found.filters |= {"word": wording.word, **{name: getattr(wording, f"{name}_text") for name in texts}}
    return found


def _contents(html: str) -> str:
    """Links to the sections of a page, as items of a list."""
    found = re.findall(r'<h([23]) id="([\w-]+)">(.*?)(?: <a class="anchor"|</h)', html, flags=re.DOTALL)
    titles = [(level, anchor, re.sub(r"</?a\b[^>]*>", "", title)) for level, anchor, title in found]
    return "".join(
        f'<li class="level-{level}"><a href="#{at}">{title}</a></li>' for level, at, title in titles
    )


def _cells(notebook: Any, taken: set[str]) -> Iterator[dict[str, Any]]:
    """The cells of the page: ``prose``, or ``summary``, ``listing`` and ``outputs``; without those of the lab."""
    highlighted = Highlight2HTML(pygments_lexer="ipython3")
    for cell in notebook.cells:
        if DROPPED in cell.metadata.get("tags", []) or not cell.source.strip():
            continue
        if cell.cell_type == "markdown":
            yield {"prose": markdown_html(cell.source, taken, cell.get("attachments"))}
        elif cell.cell_type == "code":
            outputs = [_output(output, taken) for output in cell.outputs]
            listing = highlighted(cell.source)
            yield {"summary": code_summary(cell), "listing": listing, "outputs": list(filter(None, outputs))}


def _output(output: Mapping[str, Any], taken: set[str]) -> str:
    """An output of a cell as HTML; nothing of stderr and of progress bars (lines with a carriage return)."""
    box = '<pre class="scroll" tabindex="0" role="region" aria-label="Output">{}</pre>'
    if output["output_type"] == "stream":
        lines = [line for line in output["text"].split("\n") if "\r" not in line]
        text = "\n".join(lines) if output["name"] == "stdout" else ""
        return box.format(ansi2html(text)) if text.strip() else ""
    data = output.get("data", {})
    if "text/html" in data:
        return str(data["text/html"])
    if text := data.get("text/markdown") or data.get("text/latex"):
        return f'<div class="prose">{markdown_html(text, taken)}</div>'
    if images := [kind for kind in data if kind.startswith("image/")]:
        what = f"a cell displays an {images[0]} without alt text"
        raise UserError(f"{what}; show figures through page.figure(..., alt=...)")
    return box.format(ansi2html(data["text/plain"])) if "text/plain" in data else ""


def code_summary(cell: Mapping[str, Any]) -> str:
    """What stands on a folded cell: "Code", with its first comment line, or that it holds the parameters.

    >>> code_summary({"source": "# Train both groups\\nrun()", "metadata": {}})
    'Code: Train both groups'
    """
    tags = cell["metadata"].get("tags", [])
    if "injected-parameters" in tags:
        return "Code: parameters of this run"
    if "parameters" in tags:
        return "Code: parameters as the notebook has them"
    comment = re.match(r"\s*#+[# ]*(\S.*)", cell["source"])
    return f"Code: {comment[1].strip()}" if comment else "Code"


def refuse_requests(html: str, what: str) -> None:
    """Raise a UserError that names the first address that a page would make a browser fetch."""
    markup = re.sub(r"<(pre|code)\b.*?</\1>", "", html, flags=re.DOTALL)
    if found := _REQUEST.search(markup):
        address = next(filter(None, found.groups()))
        raise UserError(f"{what}.html: would fetch {address}; expected a page that makes no request")


def warnings(results: Mapping[str, Any], manifest: Mapping[str, Any], rules_sha256: str) -> list[str]:
    """What a reader must know before any number: not evidence, changed rules, uncommitted code."""
    smoke = "Smoke run: not evidence. It only shows that everything works; its numbers mean nothing."
    rules = "The rules of the claims were changed after these results were made."
    code = "The code had uncommitted changes when these results were made."
    changed = results.get("rules_sha256") != rules_sha256
    found = {smoke: results["profile"] == "smoke", rules: changed, code: manifest.get("dirty")}
    return [warning for warning, applies in found.items() if applies]


def outcome_counts(claims: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """How many claims have each outcome, in a fixed order, those with none left out.

    >>> outcome_counts([{"outcome": "supported", "evidence": "synthetic data"}])
    [('supported', 1)]
    """
    found = Counter(map(wording.outcome_text, claims))
    return [(outcome, found[outcome]) for outcome in SYMBOLS if outcome in found]


def timings_html(path: Path) -> str:
    """``SLUG.timings.json`` as a table; empty when there is none.

    The file holds ``rows``, a list of objects (a row each), and optionally ``note``. What was timed comes first; the
    keys by which notebooks find a row are left out.
    """
    if not path.is_file():
        return ""
    content = _json(path)
    rows = content.get("rows") or [{k: v for k, v in content.items() if isinstance(v, str | int | float)}]
    there = dict.fromkeys(key for row in rows for key in row)
    columns = [*(key for key in ("step", "network") if key in there)]
    columns += [key for key in there if key not in ("key", *columns)]
    cells = [[row.get(column) for column in columns] for row in rows]
    return raw_table(columns, cells, caption=str(content.get("note", "")), name="timings")


def _entry(slug: str, out: Path, root: Path) -> dict[str, Any]:
    """What the index says of a paper."""
    from papers_lib.companion.claims import load_claims

    contract = load_claims(paths.claims_path(root, slug))
    results = _json(out / f"{slug}.results.json")
    manifest = provenance.read_json(out / f"{slug}.manifest.json") or {}  # it is moved there last
    tested = [claim for claim in results["claims"] if claim["outcome"] != "not tested"]
    kinds = Counter(wording.word(claim.get("evidence")) for claim in tested).most_common()
    picture, alt = thumbnail((out / f"{slug}.html").read_text(encoding="utf-8"), contract.thumbnail)
    timings = provenance.read_json(out / f"{slug}.timings.json") or {}
    return {
        "slug": slug,
        "paper": contract,
        "results": results,
        "manifest": manifest,
        "warnings": [w for w in warnings(results, manifest, contract.rules_sha256) if "Smoke" not in w],
        "evidence": ", ".join(f"{kind} for {count}" for kind, count in kinds),
        "minutes": round(sum(row.get("minutes") or 0 for row in timings.get("rows", []))),
        "recorded": [record["name"] for record in recorded.load(root, slug)],
        "thumbnail": picture,
        "alt": alt,
    }


def thumbnail(html: str, name: str = "") -> tuple[str, str]:
    """A figure of a page as a data URI, and its alt text; empty texts when it has none.

    It is read from the page, the one file that is always there: figure files are not in git. Without a figure
    of that name it is the first one.

    >>> thumbnail('<figure id="a"><img alt="A map" src="data:image/webp;base64,AA=="></figure>')
    ('data:image/webp;base64,AA==', 'A map')
    """
    figures = dict(re.findall(r'<figure id="([\w-]+)"(.*?)</figure>', html, flags=re.DOTALL))
    figure = figures.get(name) or next(iter(figures.values()), "")
    if vector := re.search(r'<svg\b[^>]*aria-label="([^"]*)".*?</svg>', figure, flags=re.DOTALL):
        # An image has no page to take its text colour from: ink, on the light card that is put below it.
        drawing = vector[0].replace("currentColor", "#1d2127").replace(":inherit", ":sans-serif")
        picture = base64.b64encode(drawing.encode()).decode()
        return f"data:image/svg+xml;base64,{picture}", unescape(vector[1])
    raster = re.search(r'<img\b[^>]*alt="([^"]*)"[^>]*src="(data:image/[^"]+)"', figure)
    return (raster[2], unescape(raster[1])) if raster else ("", "")


def _json(path: Path) -> dict[str, Any]:
    content = provenance.read_json(path)
    if content is None:
        raise UserError(f"{path.parent.name}/{path.name}: missing or no JSON object; first run: papers run")
    return content
