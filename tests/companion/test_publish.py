"""Into place all at once, by the right command, for the right run."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from papers_lib import files
from papers_lib.companion import execute, publish, staleness, status
from papers_lib.companion.status import Outcome
from papers_lib.errors import UserError


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--set", "seeds=2"], "seeds"),
        (["--data-root", "images"], "data_root"),
        (["--set", "rate=1", "--data-root", "images", "--jobs", "2"], "data_root, rate"),
    ],
)
def test_only_the_profile_itself_is_published_in_full(
    arguments: list[str], names: str, project: Path, papers: Callable
) -> None:
    files.write_text(project / "images/labels.csv", "a,1\n")
    answer = papers("run", "--profile", "full", *arguments)
    assert answer.code == 2
    assert answer.err == (
        f"papers: toy: reports/full holds the published page, found another {names}; "
        "add --record NAME to keep this run beside it\n"
    )
    assert not (project / "reports").exists()
    recorded = papers("run", "--profile", "full", *arguments, "--record", "mine", "--dry-run")
    assert "writes reports/full-mine/toy.html" in recorded.out


def test_an_error_without_words_is_named(
    project: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def times_out(*_: object, **__: object) -> Outcome:
        raise TimeoutError

    monkeypatch.setattr(execute, "execute", times_out)
    answer = papers("run")
    assert answer.code == 1
    assert answer.err.splitlines()[-1].endswith("reports/quick: TimeoutError")


def test_jobs_device_and_what_the_profile_says_anyway_change_nothing(project: Path, papers: Callable) -> None:
    options = ("--jobs", "2", "--device", "auto", "--set", "seeds=6")
    assert "would run" in papers("run", "--profile", "full", "--dry-run", *options).out


def test_rendering_leaves_the_published_page_alone(made: Path, papers: Callable) -> None:
    (made / "reports/quick").rename(made / "reports/full")
    page = made / "reports/full/toy.html"
    page.write_text("as published")
    answer = papers("render", "--profile", "full")
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert "papers run --profile full" in answer.err
    assert page.read_text() == "as published"


@pytest.mark.parametrize(("force", "value"), [(True, "1"), (False, "")])
def test_force_reaches_the_kernel_of_this_run_alone(
    force: bool, value: str, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPERS_FORCE", "1")  # left over in the shell: not of this run
    plan = staleness.make_plan(made, "toy", "quick", options={}, settings=[], force=force)
    assert publish._variables(plan, made, made)["PAPERS_FORCE"] == value


@pytest.fixture
def new_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are made at once and hold the word new in each file."""

    def quickly(notebook: Path, executed: Path, *_: object, **__: object) -> Outcome:
        out = executed.parent.parent
        executed.write_text('"new"')
        (out / "toy.results.json").write_text('{"new": 1}')
        (out / "toy.claims.md").write_text("new")
        return Outcome("succeeded")

    monkeypatch.setattr(execute, "execute", quickly)
    monkeypatch.setattr(publish, "_render", lambda slug, out, root: (out / "toy.html").write_text("new"))
    monkeypatch.setattr(publish, "index", lambda out, root: (out / "index.html").write_text("new"))


def test_the_old_folder_goes_last(made: Path, new_page: None, monkeypatch: pytest.MonkeyPatch) -> None:
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

    def write(out: Path, slug: str, profile: str, start: str, outcome: Outcome) -> None:
        if outcome.state != "running":
            raise UserError("toy.status.json: cannot be written (No space left on device)")

    monkeypatch.setattr(publish, "_attempt", stopped)
    monkeypatch.setattr(status, "write", write)
    plan = staleness.make_plan(made, "toy", "quick", options={}, settings=[], force=True)
    with pytest.raises(KeyboardInterrupt, match="SIGINT"):
        publish.run(plan, made, print)
    monkeypatch.setattr(publish, "_attempt", lambda *_: Outcome("succeeded"))
    with pytest.raises(UserError, match="cannot be written"):
        publish.run(plan, made, print)  # else it is said


@pytest.mark.parametrize("trouble", [False, True])
def test_the_index_has_the_pages_made_before_an_interrupt(
    trouble: bool, made: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("notebooks/toy.ipynb", "notebooks/toy/claims.yaml"):
        text = (made / path).read_text().replace("slug: toy", "slug: zoo")
        files.write_text(made / path.replace("toy", "zoo"), text)

    def run(plan: staleness.Plan, root: Path, say: Callable) -> Outcome:
        if plan.slug == "zoo":
            raise KeyboardInterrupt("SIGTERM")
        return Outcome("succeeded")

    def index(out: Path, root: Path) -> None:
        indexed.append(out.name)
        if trouble:
            raise UserError("index.html: cannot be written")

    indexed: list[str] = []
    monkeypatch.setattr(publish, "run", run)
    monkeypatch.setattr(publish, "index", index)
    answer = papers("run", "--force")
    assert answer.code == 130
    assert "interrupted by SIGTERM" in answer.err
    assert indexed == ["quick"]
