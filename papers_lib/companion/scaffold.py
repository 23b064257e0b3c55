"""``papers new SLUG``: the files of one more paper, an example that runs at once, to replace piece by piece."""

import json
import keyword
import re
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jinja2
import yaml

from papers_lib.companion import paths
from papers_lib.errors import UserError
from papers_lib.files import replacing

TEMPLATES = Path(__file__).parent / "templates" / "scaffold"
FILES = {
    "data_gen/{slug}.py": "data_gen.py.j2",
    "papers_lib/experiments/{slug}.py": "experiment.py.j2",
    "papers_lib/experiments/{slug}_parameters.py": "parameters.py.j2",
    "notebooks/claims/{slug}.yaml": "claims.yaml.j2",
    "tests/data_gen/test_{slug}.py": "test_data_gen.py.j2",
    "tests/experiments/test_{slug}.py": "test_experiment.py.j2",
    "notebooks/{slug}.ipynb": "notebook.yaml.j2",
}
"""Path in the checkout → template. The notebook is the last: once it is there, the paper is."""
TAKEN = r"index|gpu(_\w+)?"  # the page of all papers; modules of that name count for a GPU's results only (gpu_digest)
LONGEST = 24  # characters of a slug; longer ones break the templates' lines


def new_paper(
    root: Path, slug: str, *, title: str, authors: str, year: int, url: str
) -> tuple[list[Path], list[Path]]:
    """Write the files of a paper and add its sections to the profiles; all of it or nothing.

    Args:
        root: the checkout.
        slug: name of the notebook, the experiment, the claims file, the page and the tests.
        title, authors, year, url: of the paper, for its claims file.

    Returns:
        The files made, and the profiles that got a section.

    Raises:
        UserError: a slug that no Python module can have, one of the files exists, or a text has a line break.
    """
    _check(root, slug, {"title": title, "authors": authors, "url": url})
    name = "".join(part.capitalize() for part in slug.split("_"))
    values = {"slug": slug, "name": name, "title": title, "authors": authors, "year": year, "url": url}
    texts = {root / path.format(slug=slug): _render(template, values) for path, template in FILES.items()}
    notebook = paths.notebook_path(root, slug)
    texts[notebook] = _notebook(yaml.safe_load(texts[notebook]))
    profiles = {
        paths.profile_path(root, profile): section
        for profile, section in yaml.safe_load(_render("profiles.yaml.j2", values)).items()
    }
    before = {path: path.read_text(encoding="utf-8") for path in profiles}
    with ExitStack() as moves:  # nothing is moved into place before everything is written
        for path, section in profiles.items():
            _into(moves, path, f"{before[path].rstrip()}\n{section}")
        for path in reversed(texts):  # an ExitStack ends with the first: the notebook is moved last
            _into(moves, path, texts[path])
    return list(texts), list(profiles)


def _into(moves: ExitStack, path: Path, text: str) -> None:
    moves.enter_context(replacing(path)).write_text(text, encoding="utf-8")


def _check(root: Path, slug: str, texts: dict[str, str]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", slug) or keyword.iskeyword(slug):
        raise UserError(
            f"slug {slug!r}: expected lower-case words of letters and digits joined by underscores, as a Python "
            "module may be named"
        )
    if re.fullmatch(TAKEN, slug):
        raise UserError(f"slug {slug}: index, gpu and gpu_… have a meaning of their own; choose another")
    if len(slug) > LONGEST:
        raise UserError(f"slug {slug}: has {len(slug)} characters, expected at most {LONGEST}")
    for name, text in texts.items():
        if not text.strip() or len(text.splitlines()) != 1:
            raise UserError(f"--{name} {text!r}: expected one line of text")
    if not re.match(r"https?://\S+$", texts["url"]):
        raise UserError(f"--url {texts['url']!r}: expected an address that starts with https://")
    for path in FILES:
        if (root / path.format(slug=slug)).exists():
            raise UserError(f"{path.format(slug=slug)}: exists; choose another slug")


def _render(template: str, values: dict[str, Any]) -> str:
    # No escaping: what comes out is Python, YAML and Markdown; texts are quoted as JSON, which YAML reads.
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    found.policies["json.dumps_kwargs"] = {"ensure_ascii": False}  # YAML has no pairs of surrogates
    return found.get_template(template).render(values)


def _notebook(cells: list[dict[str, Any]]) -> str:
    """A notebook without outputs, as JupyterLab would save it."""
    made = []
    for number, cell in enumerate(cells):
        kind = "code" if "code" in cell else "markdown"
        source = cell[kind].rstrip("\n")
        one: dict[str, Any] = {"cell_type": kind, "id": f"{zlib.crc32(f'{number} {source}'.encode()):08x}"}
        one["metadata"] = {"tags": cell["tags"]} if "tags" in cell else {}
        one["source"] = source.splitlines(keepends=True)
        made.append({**one, "execution_count": None, "outputs": []} if kind == "code" else one)
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    content = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
