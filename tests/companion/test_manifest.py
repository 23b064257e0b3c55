"""Why a page is stale and what is enough to mend it, what its manifest holds, and what ``papers check`` catches."""

import getpass
import hashlib
import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from papers_lib import files
from papers_lib.companion import manifest, provenance, publish
from tests.companion import toy_project


def edit_manifest(root: Path, **changed: Any) -> None:
    path = root / "reports/quick/toy.manifest.json"
    content = json.loads(path.read_text())
    content["inputs"] |= changed
    path.write_text(json.dumps(content))


def test_nothing_to_do_twice(made: Path, papers: Callable) -> None:
    path = made / "notebooks/toy.ipynb"  # outputs in the notebook do not count, nor does the number of jobs
    content = json.loads(path.read_text())
    content["cells"][0]["execution_count"] = 3
    content["metadata"]["kernelspec"] = {"name": "python3"}
    path.write_text(json.dumps(content))
    assert papers("run", "--jobs", "2").out == "toy: up to date (reports/quick/toy.html)\n"


CHANGES: dict[str, Callable[[Path], object]] = {
    "would run (notebook changed)": lambda root: toy_project.write_notebook(
        root / "notebooks/toy.ipynb", toy_project.toy_cells()[:-1]
    ),
    "would run (claims changed)": lambda root: files.write_text(
        root / "notebooks/toy/printed/table1.csv", "a,b\n"
    ),
    "would run (code changed)": lambda root: edit_manifest(root, code="other"),
    "would run (libraries changed (numpy))": lambda root: edit_manifest(
        root, libraries={**provenance.library_versions(), "numpy": "1"}
    ),
    "would run (parameters changed (seeds))": lambda root: files.write_text(
        root / "notebooks/profiles/quick.yaml", "toy: {seeds: 7}\n"
    ),
    "would run (toy.results.json is not the one that was written)": lambda root: files.write_text(
        root / "reports/quick/toy.results.json", "{}"
    ),
    "would run (toy.claims.md is missing)": lambda root: (root / "reports/quick/toy.claims.md").unlink(),
    "would run (no page yet)": lambda root: files.write_text(root / "reports/quick/toy.manifest.json", "{}"),
    "would render the page again (toy.html is missing)": lambda root: (
        root / "reports/quick/toy.html"
    ).unlink(),
    "would render the page again (the page's template, timings or recorded results changed)": lambda root: (
        files.write_json(root / "reports/full/recorded/toy.gpu.json", {})
    ),
    "would run (the executed notebook is not on this machine; the page's template, timings": lambda root: [
        files.write_json(root / "reports/quick/toy.timings.json", {}),
        (root / "reports/quick/toy_files/executed.ipynb").unlink(),
    ],
}


@pytest.mark.parametrize("reason", CHANGES)
def test_a_change_is_named(reason: str, made: Path, papers: Callable) -> None:
    CHANGES[reason](made)
    assert reason in papers("run", "--dry-run").out


def test_a_data_root_stands_for_its_data_and_not_for_its_path(made: Path, tmp_path: Path) -> None:
    def found(folder: str) -> dict[str, Any]:
        parameters = {"data_root": "", "voc_root": str(tmp_path / folder), "epochs": 3, "jobs": 2}
        return manifest.inputs(made, "toy", parameters, "cpu")

    files.write_text(tmp_path / "voc" / "a.txt", "1")
    before = found("voc")
    assert before["parameters"] == {"epochs": 3, "device": "cpu"}
    (tmp_path / "voc").rename(tmp_path / "moved")
    assert manifest.changes(before, found("moved")) == []
    (tmp_path / "moved" / "a.txt").write_text("2")
    assert manifest.changes(before, found("moved")) == ["data changed (voc_root)"]


def test_imports_are_found_without_importing(tmp_path: Path) -> None:
    files.write_text(tmp_path / "notebooks/paper/grid.py", "raise SystemExit")
    lines = ("%matplotlib inline", "import numpy", "if 1:", "    !ls", "import data_gen")
    more = ("from papers_lib.errors import UserError", "from paper import grid")
    cells = [
        toy_project.cell("markdown", "import papers_lib.files"),
        toy_project.cell("code", "\n".join((*lines, *more))),
        toy_project.cell("code", "x = = 1"),
    ]
    assert manifest.imported(cells, tmp_path) == ["data_gen", "paper.grid", "papers_lib.errors"]


def test_a_new_look_renders_again_and_runs_nothing(
    made: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_json(made / "reports/quick/toy.timings.json", {})  # measured apart, after the page
    results = (made / "reports/quick/toy.results.json").read_bytes()
    (made / "reports/quick/toy.html").write_text("old")
    monkeypatch.setattr(publish, "run", lambda *_: pytest.fail("the notebook was run"))
    assert "rendering again" in papers("run").out
    assert "Ours is larger" in (made / "reports/quick/toy.html").read_text()
    assert (made / "reports/quick/toy.results.json").read_bytes() == results
    assert papers("check", "--profile", "quick").code == 0
    assert "up to date" in papers("run").out


def test_manifest_of_a_page(made: Path, made_once: Path) -> None:
    out = made / "reports/quick"
    found = json.loads((out / "toy.manifest.json").read_text())
    assert sorted(found["files"]) == ["toy.claims.md", "toy.html", "toy.results.json"]
    for name, entry in found["files"].items():
        assert entry == {"sha256": hashlib.sha256((out / name).read_bytes()).hexdigest()}
    assert (found["seeds"], found["device"]["type"]) == (5, "cpu")
    assert found["command"] == "papers run toy --profile quick"
    assert found["machine"]["cores"] >= 1
    assert 0 < found["wall_seconds"] < 300
    for path in out.glob("toy.*"):  # none of them names the machine
        words = (str(made_once), str(Path.home()) + os.sep, socket.gethostname(), f'"{getpass.getuser()}"')
        assert not any(word in path.read_text() for word in words), path


def test_git_state_leaves_reports_out(tmp_path: Path) -> None:
    assert provenance.git_state(tmp_path) == ("", False)

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    for name in ("code.py", "reports/full/toy.html"):
        files.write_text(tmp_path / name, "1")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (tmp_path / "reports/full/toy.html").write_text("2")
    assert provenance.git_state(tmp_path) == (git("rev-parse", "HEAD"), False)
    (tmp_path / "code.py").write_text("2")
    assert provenance.git_state(tmp_path)[1]


def test_whatever_changed_since_is_a_note(made: Path, papers: Callable) -> None:
    assert "note" not in papers("check", "--profile", "quick").out
    path = made / "notebooks/toy/claims.yaml"
    path.write_text(path.read_text().replace("margin: 0.1", "margin: 0.01"))
    edit_manifest(made, code="other")
    answer = papers("check", "--profile", "quick")
    assert (answer.code, answer.err) == (0, "")
    for part in ("claims", "code"):
        assert f"note: toy: {part} changed since the page was made" in answer.out


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("toy.html", "A toy", "toy.html is not the one that was written"),
        ("toy.results.json", "{}", "toy.results.json is not the one that was written"),
        ("toy.html", "x" * 1_500_001, "MB; at most 1.5 MB"),
        ("toy.html", '<img src="https://a.org/x.png">', "would fetch https://a.org"),
        ("toy.claims.md", None, "toy: toy.claims.md is missing"),
        ("toy.manifest.json", "{}", "no page in reports/quick; run: papers run toy --profile quick"),
        ("index.html", None, "quick/index.html is missing"),
    ],
)
def test_a_page_that_is_not_what_was_written_is_caught(
    name: str, content: str | None, line: str, made: Path, papers: Callable
) -> None:
    path = made / "reports/quick" / name
    path.unlink() if content is None else path.write_text(content)
    answer = papers("check", "--profile", "quick")
    assert answer.code == 1
    assert line in answer.err
