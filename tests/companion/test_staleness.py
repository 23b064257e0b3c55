"""Why a page is stale, and what is enough to mend it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from papers_lib import files
from papers_lib.companion import publish, staleness
from papers_lib.errors import UserError


def test_nothing_to_do_twice(made: Path, papers: Callable) -> None:
    assert papers("run").out == "toy: up to date (reports/quick/toy.html)\n"
    assert papers("run", "--jobs", "2").out.startswith("toy: up to date")  # jobs change no result


CHANGES: dict[str, tuple[str, Callable[[Path, ModuleType], object]]] = {
    "notebook": (
        "would run (notebook changed)",
        lambda root, toy: toy.write_notebook(root / "notebooks/toy.ipynb", toy.toy_cells()[:-1]),
    ),
    "claims": (
        "would run (claims changed)",
        lambda root, toy: (root / "notebooks/toy/claims.yaml").write_text(toy.CLAIMS + "# more\n"),
    ),
    "printed numbers": (
        "would run (claims changed)",
        lambda root, toy: files.write_text(root / "notebooks/toy/printed/table1.csv", "a,b\n"),
    ),
    "results edited": (
        "would run (toy.results.json is not the one that was written)",
        lambda root, toy: (root / "reports/quick/toy.results.json").write_text("{}"),
    ),
    "claims table lost": (
        "would run (toy.claims.md is missing)",
        lambda root, toy: (root / "reports/quick/toy.claims.md").unlink(),
    ),
    "page lost": (
        "would render the page again (toy.html is missing)",
        lambda root, toy: (root / "reports/quick/toy.html").unlink(),
    ),
    "page and executed notebook lost": (
        "would run (toy.html is missing; the executed notebook is not on this machine)",
        lambda root, toy: [
            (root / "reports/quick" / name).unlink() for name in ("toy.html", "toy_files/executed.ipynb")
        ],
    ),
    "recorded": (
        "would run (recorded results changed)",
        lambda root, toy: files.write_json(root / "reports/full/recorded/toy.gpu.json", {}),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_is_named(name: str, made: Path, toy: ModuleType, papers: Callable) -> None:
    reason, change = CHANGES[name]
    change(made, toy)
    assert reason in papers("run", "--dry-run").out


def test_outputs_in_the_notebook_do_not_count(made: Path, papers: Callable) -> None:
    path = made / "notebooks/toy.ipynb"
    content = json.loads(path.read_text())
    content["cells"][1]["execution_count"] = 3
    content["metadata"]["kernelspec"] = {"name": "python3"}
    path.write_text(json.dumps(content))
    assert "up to date" in papers("run", "--dry-run").out


def test_config_libraries_code_and_data_are_named(made: Path, papers: Callable) -> None:
    path = made / "reports/quick/toy.manifest.json"
    manifest = json.loads(path.read_text())
    manifest["components"]["code"] = "other"
    manifest["components"]["libraries"]["numpy"] = "1.0"
    path.write_text(json.dumps(manifest))
    files.write_text(made / "images/labels.csv", "a,1\n")
    out = papers("run", "--dry-run", "--set", "seeds=6", "--data-root", "images").out
    for reason in (
        "config changed (seeds)",
        "code changed",
        "libraries changed (numpy)",
        "data changed (data_root)",
    ):
        assert reason in out


def test_a_new_renderer_renders_again_and_runs_nothing(
    made: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (staleness, publish):
        monkeypatch.setattr(module, "renderer_digest", lambda: "another renderer")
    results = (made / "reports/quick/toy.results.json").read_bytes()
    (made / "reports/quick/toy.html").write_text("old")
    monkeypatch.setattr(publish, "run", lambda *_: pytest.fail("the notebook was run"))
    assert "rendering again" in papers("run").out
    assert "Ours is larger" in (made / "reports/quick/toy.html").read_text()
    assert (made / "reports/quick/toy.results.json").read_bytes() == results
    assert "up to date" in papers("run").out


def test_every_root_stands_for_its_data_and_not_for_its_path(made: Path, tmp_path: Path) -> None:
    parameters = {"data_root": "", "voc_root": str(tmp_path / "voc"), "epochs": 3}
    files.write_text(tmp_path / "voc" / "a.txt", "1")
    before = staleness.components(made, "toy", parameters)
    assert before["config"] == {"epochs": 3}
    (tmp_path / "voc").rename(tmp_path / "moved")
    moved = staleness.components(made, "toy", {**parameters, "voc_root": str(tmp_path / "moved")})
    assert staleness.differences(before, moved) == []
    (tmp_path / "moved" / "a.txt").write_text("2")
    changed = staleness.components(made, "toy", {**parameters, "voc_root": str(tmp_path / "moved")})
    assert staleness.differences(before, changed) == ["data changed (voc_root)"]


def test_imports_are_found_without_importing(toy: ModuleType, tmp_path: Path) -> None:
    files.write_text(tmp_path / "notebooks/paper/grid.py", "raise SystemExit")
    lines = "%matplotlib inline\nimport numpy\nif 1:\n    !ls\nfrom papers_lib.errors import UserError\nimport data_gen"
    cells = [
        toy.cell("markdown", "import papers_lib.files"),
        toy.cell("code", f"{lines}\nfrom paper import grid"),
    ]
    assert staleness.imported(cells, "n", tmp_path) == ["data_gen", "paper.grid", "papers_lib.errors"]
    with pytest.raises(UserError, match=r"^n: code cell 1: is not Python"):
        staleness.imported([toy.cell("code", "x = = 1")], "n", tmp_path)
