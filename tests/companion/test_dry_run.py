"""What a run would cost, said before it: by the last run, or by one short run of each kind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from papers_lib import files
from papers_lib.companion import dry_run

GRID = """\
import time
from dataclasses import dataclass
from pathlib import Path
from papers_lib.sweep import DataRef, Part


@dataclass(frozen=True)
class Work:
    slow: bool
    seed: int
    passes: int

    def label(self): return f"{self.slow} {self.seed}"
    def kind(self): return "slow" if self.slow else "fast"
    def cost(self): return self.passes


def run(config, context):
    assert context.data_root.is_dir()
    time.sleep(0.04 if config.slow else 0.01)  # for one pass over ten images
    return {}


def plan(chosen):
    works = [Work(slow, seed, chosen.passes) for seed in range(chosen.seeds) for slow in (False, True)]
    return [Part("squares", run, works, lambda: DataRef(Path.cwd(), "0", "synthetic data"), images=chosen.images)]
"""
PARAMETERS = """\
from papers_lib.companion.parameters import NotebookParameters


class Parameters(NotebookParameters):
    seeds: int
    rate: float
    name: str
    levels: list[int]
    passes: int = 20
    images: int = 100

    def shortened(self):
        return self.model_copy(update={"seeds": SEEDS, "passes": 1, "images": 10})
"""


def add_grid(root: Path, seeds: int) -> None:
    parameters = PARAMETERS.replace("SEEDS", str(seeds))
    for name, text in (("__init__", ""), ("parameters", parameters), ("grid", GRID)):
        files.write_text(root / f"notebooks/toy/{name}.py", text)


def test_the_last_time_of_the_same_runs_says_what_it_left_out(
    made: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "estimate", lambda *_: pytest.fail("nothing has to be timed"))
    (made / "reports/quick/toy.results.json").unlink()
    out = papers("run", "--dry-run").out
    assert "toy: would run (toy.results.json is missing)" in out
    assert " s the last time on " in out
    assert "expected: time unknown" in papers("run", "--dry-run", "--force").out


def test_a_short_run_of_each_kind_is_timed_and_scaled(
    project: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.sleep", lambda seconds: clock.append(clock[-1] + seconds))
    monkeypatch.setattr("time.perf_counter", lambda: clock[-1])
    add_grid(project, seeds=1)
    out = papers("run", "--dry-run", "--jobs", "2").out
    # 20 passes over 100 images are 200 times the short run: 2 s and 8 s a run, 5 runs of each, in 2 processes 25 s
    assert "squares, fast: 5 runs, 2.0 s a run" in out
    assert "squares, slow: 5 runs, 8.0 s a run" in out
    assert "expected: 25 s for 10 runs in 2 processes, from an empty cache" in out
    assert not (project / "reports").exists()


def test_a_shortened_grid_without_a_kind_is_one_line(project: Path, papers: Callable) -> None:
    add_grid(project, seeds=0)
    assert "has no run of squares, fast" in papers("run", "--dry-run").err
