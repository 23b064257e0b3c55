"""What holds for each notebook: thin, without outputs, and its parameters are those of its model."""

import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SLUGS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


def cells(slug: str, kind: str) -> list[dict]:
    notebook = json.loads((ROOT / f"notebooks/{slug}.ipynb").read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_each_paper_has_its_notebook_and_its_folder():
    assert SLUGS == ["cam_entropy", "heatmap_loss", "pylon", "sibnet_calibration"]
    assert all((ROOT / f"notebooks/{slug}/experiment.py").is_file() for slug in SLUGS)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_notebook_is_thin_and_has_no_outputs(slug):
    for cell in cells(slug, "code"):
        source = "".join(cell["source"])
        assert not cell["outputs"]
        assert cell["execution_count"] is None
        if "parameters" not in cell["metadata"].get("tags", []):
            assert not any(line.startswith(("def ", "class ")) for line in source.splitlines()), source


@pytest.mark.parametrize("slug", SLUGS)
def test_the_parameters_cell_and_the_model_agree(slug):
    from papermill.inspection import inspect_notebook

    fields = importlib.import_module(f"{slug}.parameters").Parameters.model_fields
    found = inspect_notebook(str(ROOT / f"notebooks/{slug}.ipynb"))
    assert list(found) == list(fields)
    assert {name: one["help"] for name, one in found.items()} == {
        name: field.description for name, field in fields.items()
    }
