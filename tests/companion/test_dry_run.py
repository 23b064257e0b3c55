"""What a run would cost, said before it."""

import json
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from papers_lib import files
from papers_lib.companion import dry_run


def test_dry_run_of_a_page_that_was_made(made: Path, papers: Callable) -> None:
    answer = papers("run", "--dry-run", "--force")
    seconds = json.loads((made / "reports/quick/toy.manifest.json").read_text())["wall_seconds"]
    assert "toy: would run (forced)" in answer.out
    assert (
        f"expected: {seconds:.1f} s the last time" in answer.out or f"expected: {seconds:.0f} s" in answer.out
    )


def test_dry_run_of_profile_paper_asks_the_experiment(
    project: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("experiment")
    module.estimate = lambda parameters: {  # type: ignore[attr-defined]
        **{"seconds": 3600.0 * parameters["seeds"], "memory_bytes": 3 * 2**30, "disk_bytes": 2**20},
        "how": "20 measured steps",
    }
    module.__spec__ = ModuleSpec("papers_lib.experiments.toy_estimate", None)
    monkeypatch.setitem(sys.modules, "papers_lib.experiments.toy_estimate", module)
    out = papers("run", "--profile", "paper", "--dry-run").out
    assert "expected: 5 h, 3.0 GiB memory, 1 MiB disk (20 measured steps)" in out
    assert not (project / "reports").exists()


@pytest.mark.parametrize("arguments", [["--force"], ["--set", "seeds=6"]], ids=str)
def test_the_time_of_other_runs_is_not_given_where_there_is_an_estimate(
    made: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(dry_run, "_estimate", lambda plan: {"seconds": 7200.0, "how": "timed steps"})
    assert "expected: 2 h (timed steps)" in papers("run", "--dry-run", *arguments).out


def test_the_last_time_of_the_same_runs_says_what_it_left_out(
    made: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "_estimate", lambda plan: pytest.fail("nothing has to be timed"))
    (made / "reports/quick/toy.results.json").unlink()
    out = papers("run", "--dry-run").out
    assert " s the last time on " in out
    assert ", without runs that the cache had\n" in out


def test_a_manifest_that_cannot_be_read_is_one_reason_and_no_end(made: Path, papers: Callable) -> None:
    files.write_text(made / "reports/quick/toy.manifest.json", "{")
    answer = papers("run", "--dry-run")
    assert answer.code == 0
    assert "expected: time unknown" in answer.out
