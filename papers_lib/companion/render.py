"""One self-contained HTML page a paper: the executed notebook within the companion's own template.

No request to any host: style, scripts, figures and mathematics are in the file.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from nbconvert.exporters.html import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbformat import NotebookNode

from papers_lib.companion import index_page, paths, recorded, render_header
from papers_lib.companion.render_math import Contents, contents_tree, markdown_html
from papers_lib.companion.svg import scrolling
from papers_lib.companion.tables import raw_table
from papers_lib.errors import UserError
from papers_lib.files import write_text

DROPPED = "lab-only"
"""Tag of cells that are for JupyterLab; the page has their content at its top."""

FIXED_IDS = ("main", "verdict", "claims", "regenerated", "recorded", "costs", "timings", "run-again", "cite")
"""Ids that page.html.j2 gives; a notebook's headings get others."""

# What would make a browser fetch something: the page must hold none. Links (<a href>) are no requests.
_REQUEST = re.compile(
    r"<(?:img|script|iframe|source|video|audio|embed|object|link|image|use)\b[^>]*?"
    r"\s(?:src|srcset|data|href|xlink:href)\s*=\s*[\"']?(?!data:|#)([^\"'\s>]+)",
    re.IGNORECASE,
)
_STYLE_REQUEST = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s;]+)", re.IGNORECASE)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class BodyExporter(HTMLExporter):
    """The cells of a notebook as HTML; the page around them is ``page.html.j2``."""

    export_from_notebook = ""  # not one of `jupyter nbconvert --to`

    def __init__(self, contents: Contents, **options: Any) -> None:
        self.contents = contents
        super().__init__(
            template_name="companion", extra_template_basedirs=[str(render_header.TEMPLATES)], **options
        )

    def from_notebook_node(  # type: ignore[override]  # as nbconvert's own exporters have it
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """Render the cells.

        HTMLExporter's own version passes the result through an HTML parser that writes SVG's names in
        lower case and invents alt texts; this one goes past it.
        """
        self.register_filter("highlight_code", Highlight2HTML(pygments_lexer="ipython3", parent=self))
        return TemplateExporter.from_notebook_node(self, nb, resources, **options)

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """The filters of the template."""
        yield from super().default_filters()
        yield "markdown2html", self.markdown2html
        yield "filter_data_type", _richest
        yield "code_summary", code_summary
        yield "plain_image", plain_image

    @jinja2.pass_context
    def markdown2html(self, context: jinja2.runtime.Context, source: str) -> str:
        """Markdown of a cell or an output, with mathematics as MathML."""
        attachments = context.get("cell", {}).get("attachments", {})
        return links_from_page(markdown_html(source, self.contents, attachments=attachments))


def links_from_page(html: str) -> str:
    """Links that are right in ``notebooks/``, made right for a page in ``reports/PROFILE/``.

    >>> links_from_page('<a href="../papers_lib/cams.py">')
    '<a href="../../papers_lib/cams.py">'
    """
    return re.sub(r'(<a\b[^>]*\bhref=")\.\./', r"\1../../", html)


def _richest(data: Mapping[str, Any]) -> list[str]:
    """The one kind of an output that is shown."""
    order = (
        "text/html",
        "text/markdown",
        "text/latex",
        "image/svg+xml",
        "image/png",
        "image/jpeg",
        "text/plain",
    )
    return [kind for kind in order if kind in data][:1]


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
    first = cell["source"].lstrip().split("\n", 1)[0]
    comment = first.lstrip("# ").strip() if first.startswith("#") else ""
    return f"Code: {comment}" if comment else "Code"


def plain_image(output: Mapping[str, Any], kind: str) -> str:
    """An image that a cell displayed without ``page.figure``; it needs an alt text in the output's metadata.

    Raises:
        UserError: there is none.
    """
    metadata = output.get("metadata", {})
    alt = metadata.get("alt") or metadata.get(kind, {}).get("alt")
    if not alt:
        raise UserError(
            f"a cell displays an {kind} without alt text; show figures through page.figure(..., alt=...)"
        )
    data = output["data"][kind]
    if kind == "image/svg+xml":
        data = base64.b64encode("".join(data).encode()).decode()
    return f'<figure><img alt="{escape(alt)}" src="data:{kind};base64,{"".join(data.split())}"></figure>'


def body_html(notebook: NotebookNode, contents: Contents) -> str:
    """The cells that belong on the page as HTML; headings are added to ``contents``.

    Left out: cells tagged ``lab-only``, empty cells, stderr, and printed lines with a carriage return
    (progress bars). Folded: code.
    """
    cells = []
    for cell in notebook.cells:
        if DROPPED in cell.metadata.get("tags", []) or not cell.source.strip():
            continue
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = "".join(line for line in _LINE.findall(output.text) if "\r" not in line)
        cells.append(cell)
    kept = nbformat.from_dict({**notebook, "cells": cells})
    return scrolling(BodyExporter(contents).from_notebook_node(kept)[0])


def render(slug: str, out: Path, root: Path) -> Path:
    """Write ``out/SLUG.html`` from the executed notebook, results, manifest and claims file of a run.

    Args:
        slug: the paper.
        out: report folder; holds SLUG.results.json, SLUG.manifest.json, SLUG_files/executed.ipynb.
        root: the checkout, for the claims file and the recorded results.

    Raises:
        UserError: a file is missing or no JSON, a formula cannot be parsed, an image has no alt text, or the
            page would make a request.
    """
    from papers_lib.companion.claims import load_claims

    results, manifest = _json(out / f"{slug}.results.json"), _json(out / f"{slug}.manifest.json")
    executed = out / f"{slug}_files" / "executed.ipynb"
    if not executed.is_file():
        raise UserError(
            f"{executed.name} of {slug}: not found in {executed.parent.name}; expected an executed notebook"
        )
    contract = load_claims(paths.claims_path(root, slug))
    contents = Contents(reserved={*FIXED_IDS, *results.get("figures", {}), *results.get("tables", {})})
    contents.entries += [(2, "verdict", "Verdict"), (2, "claims", "Claims")]
    body = body_html(nbformat.read(executed, as_version=4), contents)
    context = render_header.page_context(contract, results, manifest)
    context["recorded"] = recorded.html(recorded.load(root, slug), results)
    context["timings"] = timings_html(out / f"{slug}.timings.json")
    for wanted, anchor, title in (
        (context["recorded"], "recorded", "Recorded results"),
        (context["timings"], "costs", "Costs, measured separately"),
        (True, "run-again", "Run it again"),
        (contract.bibtex, "cite", "Cite the paper"),
    ):
        if wanted:
            contents.entries.append((2, anchor, title))
    page = render_header.environment().get_template("page.html.j2")
    html = page.render(**context, body=body, contents=list(contents_tree(contents)))
    refuse_requests(html, slug)
    return write_text(out / f"{slug}.html", html)


def render_index(out: Path, root: Path) -> Path:
    """Write ``out/index.html``: the papers of a report folder."""
    return index_page.render_index(out, root)


def refuse_requests(html: str, what: str) -> None:
    """Raise if a page would make a browser fetch anything.

    Raises:
        UserError: naming the first address.
    """
    markup = re.sub(r"<(pre|code)\b.*?</\1>", "", html, flags=re.DOTALL)
    found = _REQUEST.search(markup) or _STYLE_REQUEST.search(markup)
    if found:
        raise UserError(f"{what}.html: would fetch {found[1]}; expected a page that makes no request")


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


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path.name}: not found in {path.parent.name}; first run: papers run") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path.name}: not JSON ({error})") from error
    if not isinstance(content, dict):
        raise UserError(f"{path.name}: found a {type(content).__name__}; expected an object")
    return content
