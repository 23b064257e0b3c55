"""Into place all at once, by the right command, for the right run."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from papers_lib import files
from papers_lib.companion import execute, publish
from papers_lib.companion.execute import Outcome
from papers_lib.companion.manifest import make_plan
from papers_lib.errors import UserError
from tests.companion import toy_project


def test_only_the_profile_itself_is_published_in_full(project: Path, papers: Callable) -> None:
    files.write_text(project / "images/labels.csv", "a,1\n")
    other = ("run", "--profile", "full", "--set", "rate=1", "--data-root", "images", "--jobs", "2")
    answer = papers(*other)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "reports/full holds the published page, found another data_root, rate; add --record" in answer.err
    assert not (project / "reports").exists()
    assert "writes reports/full-mine/toy.html" in papers(*other, "--record", "mine", "--dry-run").out
    same = ("--jobs", "2", "--device", "auto", "--set", "seeds=6")  # what the profile says anyway
    assert "would run" in papers("run", "--profile", "full", "--dry-run", *same).out


def test_a_recorded_run_leaves_the_ordinary_page_and_names_no_folder(made: Path, papers: Callable) -> None:
    before = {p.name: p.read_bytes() for p in (made / "reports/quick").glob("toy.*")}
    files.write_text(made / "images/labels.csv", "a,1\n")
    command = ("run", "--record", "gpu", "--data-root", "images")
    answer = papers(*command)
    assert (answer.code, answer.err) == (0, "")
    assert {p.name: p.read_bytes() for p in (made / "reports/quick").glob("toy.*")} == before
    recorded = json.loads((made / "reports/full/recorded/toy.gpu.json").read_text())
    results = json.loads((made / "reports/quick-gpu/toy.results.json").read_text())
    assert recorded["command"] == "papers run toy --profile quick --data-root images --record gpu"
    assert all(recorded[key] == results[key] for key in ("data", "values", "tables", "claims"))
    assert not {"figures", "rows", "inputs", "files"} & recorded.keys()
    for path in (made / "reports").rglob("*"):
        assert not path.is_file() or str(made).encode() not in path.read_bytes(), path
    assert "up to date" in papers(*command).out


def test_the_kernel_is_told_of_this_run_alone(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERS_FORCE", "1")  # left over in the shell: not of this run
    told: list[dict[str, str]] = []

    def times_out(*_: object, extra: dict[str, str], **__: object) -> Outcome:
        told.append(extra)
        raise TimeoutError

    monkeypatch.setattr(execute, "execute", times_out)
    for force, backend in ((True, "ray"), (False, "processes")):
        plan = make_plan(made, "toy", "quick", options={}, settings=[], force=force, backend=backend)
        with pytest.raises(
            UserError, match=r"reports/quick: TimeoutError$"
        ):  # an error without words is named
            publish.run(plan, made, print)
    assert [(one["PAPERS_FORCE"], one["PAPERS_BACKEND"]) for one in told] == [("1", "ray"), ("", "processes")]


def test_a_notebook_that_does_not_finish_its_page_is_incomplete(made: Path, papers: Callable) -> None:
    cells = toy_project.toy_cells()[:-1]
    toy_project.write_notebook(made / "notebooks/toy.ipynb", cells)
    before = (made / "reports/quick/toy.html").read_bytes()
    answer = papers("run")
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert "papers: toy: incomplete: page.finish() was not called" in answer.err
    assert (made / "reports/quick/toy.html").read_bytes() == before
    assert "incomplete: page.finish() was not called" in papers("list").out


def test_the_old_folder_goes_last(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill that nothing can hold back finds the old files whole until the new ones are in place."""
    out, staging = made / "reports/quick", made / "reports/quick/.toy.work_files/out"
    old = (out / "toy_files/executed.ipynb").read_bytes()
    files.write_text(staging / "toy_files/executed.ipynb", "new")
    seen = []

    def stopped(source: Path, target: Path) -> None:
        seen.append(sorted(p.read_bytes() for p in (out / ".toy.work_files").rglob("executed.ipynb")))
        raise OSError("stopped")

    files.write_text(staging / "toy.html", "new")
    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(OSError, match="stopped"):
        publish._move(staging, out, "toy")
    assert seen == [[old]]


def test_an_interrupt_is_passed_on_though_the_status_cannot_be_written(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> Outcome:
        raise KeyboardInterrupt("SIGINT")

    def write(out: Path, slug: str, start: str, outcome: Outcome) -> None:
        if outcome.state != "running":
            raise UserError("toy.status.json: cannot be written (No space left on device)")

    monkeypatch.setattr(publish, "_attempt", stopped)
    monkeypatch.setattr(publish, "write_status", write)
    plan = make_plan(made, "toy", "quick", options={}, settings=[], force=True)
    with pytest.raises(KeyboardInterrupt, match="SIGINT"):
        publish.run(plan, made, print)
    monkeypatch.setattr(publish, "_attempt", lambda *_: Outcome("succeeded"))
    with pytest.raises(UserError, match="cannot be written"):
        publish.run(plan, made, print)  # else it is said
