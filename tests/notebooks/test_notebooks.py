"""Every notebook as it is committed: thin, without outputs, one parameters cell, known profiles and claims."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from papers_lib.companion import paths
from papers_lib.companion.claims import load_claims
from papers_lib.companion.profiles import declared

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return request.param


def code(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def test_no_outputs_one_parameters_cell_no_definitions(notebook):
    cells = code(notebook)
    assert cells
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells) == 1
    for cell in cells:
        nodes = ast.walk(ast.parse("".join(cell["source"])))
        assert not [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)]


def test_a_cell_that_shows_a_figure_has_at_most_ten_lines(notebook):
    for cell in code(notebook):
        source = "".join(cell["source"])
        if "page.figure(" in source or "page.table(" in source:
            assert len([line for line in source.splitlines() if line.strip()]) <= 10, source


def test_profiles_name_parameters_that_exist(notebook):
    known = declared(notebook)
    for profile in ("smoke", "full", "paper"):
        values = yaml.safe_load((ROOT / f"notebooks/profiles/{profile}.yaml").read_text())
        assert notebook.stem in values
        assert set(values[notebook.stem]) <= set(known)


def test_every_figure_and_table_of_the_claims_file_is_made_and_every_claim_points_at_one(notebook):
    claims = load_claims(paths.claims_path(ROOT, notebook.stem))
    source = "\n".join("".join(cell["source"]) for cell in code(notebook))
    made = set(re.findall(r'page\.(?:figure|table|absent)\(\s*"(\w+)"', source))
    items = {item.id for item in claims.items if item.kind in ("figure", "table")}
    assert items <= made
    assert all(item.figure in items for item in claims.items if item.kind in ("claim", "finding"))


def test_local_links_of_the_prose_exist(notebook):
    prose = [c for c in json.loads(notebook.read_text())["cells"] if c["cell_type"] == "markdown"]
    links = re.findall(r"\]\(([^)\s]+)\)", "\n".join("".join(cell["source"]) for cell in prose))
    local = [link for link in links if "://" not in link and not link.startswith("#")]
    assert [link for link in local if not (notebook.parent / link).exists()] == []
