"""One self-contained HTML page per paper, from an executed notebook and its results; and their index."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from nbconvert.filters import ansi2html
from nbconvert.filters.highlight import Highlight2HTML

from papers_lib.companion import paths, provenance, recorded, wording
from papers_lib.companion.claims import ClaimResult, load_claims, verdict
from papers_lib.companion.prose import markdown_html, with_contents
from papers_lib.companion.tables import raw_table
from papers_lib.errors import UserError
from papers_lib.files import write_text
from papers_lib.plots import DARK, PALETTE

DROPPED = "lab-only"  # tag of cells for JupyterLab; the page has their content at its top
SYMBOLS = {"supported": "✓", "reproduced": "✓", "contradicted": "✗", "inconclusive": "?", "not tested": "–"}

# What would make a browser fetch something: the page must hold none. Links (<a href>) are no requests.
_REQUEST = re.compile(
    r"<(?!a\b)[^>]*?\s(?:src|srcset|poster|data|background|(?:xlink:)?href)\s*=\s*[\"']?(?!data:|#|[\"'\s>])([^\"'\s>]+)"
    r"|(?:url\(|@import|\bfetch\(|\bimport\()\s*[\"']?((?:https?:)?//[^\"')\s;]+)"
    r"|<meta\b[^>]*http-equiv\s*=\s*[\"']?(refresh)",
    re.IGNORECASE,
)


def render(slug: str, out: Path, root: Path) -> Path:
    """Write ``out/SLUG.html`` from the executed notebook, results, manifest and claims file of a run.

    Raises a UserError if a file is missing or the page would break a rule (requests, alt texts, formulas).
    """
    results, manifest = _json(out / f"{slug}.results.json"), _json(out / f"{slug}.manifest.json")
    executed = out / f"{slug}_files" / "executed.ipynb"
    if not executed.is_file():
        raise UserError(f"{slug}_files/executed.ipynb: not found; first run: papers run")
    paper = load_claims(paths.claims_path(root, slug))
    absent = results.get("absent") or {}
    html = _template("page").render(
        paper=paper,
        results=results,
        manifest=manifest,
        published="" if results["profile"] == "full" else f"../full/{slug}.html",
        warnings=_warnings(results, manifest, paper.rules_sha256),
        verdict=verdict(paper, [ClaimResult(**claim) for claim in results["claims"]]),
        shown={*results["figures"], *results["tables"]} - {*absent},
        absent=absent,
        cells=list(_cells(nbformat.read(executed, as_version=4))),
        recorded=recorded.html(recorded.load(root, slug), results),
        timings=timings_html(out / f"{slug}.timings.json"),
    )
    html = with_contents(html)
    refuse_requests(html, slug)
    return write_text(out / f"{slug}.html", html)


def render_index(out: Path, root: Path) -> Path:
    """Write ``out/index.html``: the papers of a report folder, each with its outcomes and a figure."""
    papers = []
    for page in sorted(out.glob("*.html")):
        if (results := provenance.read_json(page.with_suffix(".results.json"))) is not None:
            paper = load_claims(paths.claims_path(root, page.stem))
            manifest = (
                provenance.read_json(page.with_suffix(".manifest.json")) or {}
            )  # it is moved there last
            warnings = _warnings(results, manifest, paper.rules_sha256)
            picture = _picture(page.read_text(encoding="utf-8"), page.stem, paper.thumbnail)
            papers.append((page.stem, paper, results, manifest, warnings, picture))
    return write_text(out / "index.html", _template("index").render(papers=papers, profile=out.name))


def _template(name: str) -> Template:
    """A template, with HTML escaping on and the words for numbers, outcomes and dates as filters."""
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    found = Environment(loader=loader, autoescape=True, trim_blocks=True, undefined=StrictUndefined)
    hues = [(hue.lower(), DARK[role].lower()) for role, hue in PALETTE.items()]
    found.globals |= {"hues": hues, "symbols": SYMBOLS}
    texts = ("date", "duration", "ours", "sample", "outcome")
    found.filters |= {"word": wording.word, **{name: getattr(wording, f"{name}_text") for name in texts}}
    return found.get_template(f"{name}.html.j2")


def _cells(notebook: Any) -> Iterator[dict[str, Any]]:
    """The cells of the page: ``prose``, or ``title``, ``code`` and ``outputs``; without those of the lab."""
    highlighted = Highlight2HTML(pygments_lexer="ipython3")
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if DROPPED in tags or not cell.source.strip():
            continue
        if cell.cell_type == "markdown":
            yield {"prose": markdown_html(cell.source, cell.get("attachments"))}
        elif cell.cell_type == "code":
            comment = re.match(r"\s*#+[# ]*(\S.*)", cell.source)
            title = "Parameters of the notebook" if "parameters" in tags else comment[1] if comment else ""
            outputs = "".join(map(_output, cell.outputs))
            yield {"title": title.strip(), "code": highlighted(cell.source), "outputs": outputs}


def _output(output: Mapping[str, Any]) -> str:
    """An output of a cell as HTML; nothing of stderr and of progress bars (lines with a carriage return)."""
    data = output.get("data", {})
    if "text/html" in data:
        return str(data["text/html"])
    if text := data.get("text/markdown") or data.get("text/latex"):
        return f'<div class="prose">{markdown_html(text)}</div>'
    if images := [kind for kind in data if kind.startswith("image/")]:
        what = f"a cell displays an {images[0]} without alt text"
        raise UserError(f"{what}; show figures through page.figure(..., alt=...)")
    text = data.get("text/plain", "")
    if output.get("name") == "stdout":
        text = "\n".join(line for line in output["text"].split("\n") if "\r" not in line)
    box = '<pre class="scroll" tabindex="0" role="region" aria-label="Output">{}</pre>'
    return box.format(ansi2html(text)) if text.strip() else ""


def refuse_requests(html: str, what: str) -> None:
    """Raise a UserError that names the first address that a page would make a browser fetch."""
    markup = re.sub(r"<(pre|code)\b.*?</\1>", "", html, flags=re.DOTALL)
    if found := _REQUEST.search(markup):
        address = next(filter(None, found.groups()))
        raise UserError(f"{what}.html: would fetch {address}; expected a page that makes no request")


def _warnings(results: Mapping[str, Any], manifest: Mapping[str, Any], rules_sha256: str) -> list[str]:
    """What a reader must know before any number: not evidence, changed rules, uncommitted code."""
    changed = results.get("rules_sha256") != rules_sha256
    found = {
        "Smoke run: not evidence. It only shows that everything works.": results["profile"] == "smoke",
        "The rules of the claims were changed after these results were made.": changed,
        "The code had uncommitted changes when these results were made.": manifest.get("dirty"),
    }
    return [warning for warning, applies in found.items() if applies]


def timings_html(path: Path) -> str:
    """``rows`` of ``SLUG.timings.json`` as a table with its ``note``; empty when there is no such file."""
    if not path.is_file():
        return ""
    content = _json(path)
    rows = content.get("rows", [content])
    keys = dict.fromkeys(key for row in rows for key in row if key != "key")
    columns = sorted(keys, key=lambda key: key not in ("step", "network"))
    cells = [[row.get(column) for column in columns] for row in rows]
    return raw_table(columns, cells, caption=str(content.get("note", "")), name="timings")


def _picture(html: str, slug: str, name: str) -> str:
    """A figure of a page for the index, with ids of its own: the one of that name, else the first, if any."""
    found = re.findall(r'<figure id="([\w-]+)".*?(<svg\b.*?</svg>|<img\b[^>]*>)', html, flags=re.DOTALL)
    picture = dict(found).get(name) or next((picture for _, picture in found), "")
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{slug}-", picture)


def _json(path: Path) -> dict[str, Any]:
    if (content := provenance.read_json(path)) is None:
        raise UserError(f"{path.parent.name}/{path.name}: missing or no JSON object; first run: papers run")
    return content
