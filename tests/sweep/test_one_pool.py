"""The same workers from a data set to the last sweep, and new ones where old ones would know something old."""

import os
import sys
from pathlib import Path

import pytest
from joblib import Parallel, delayed
from joblib.externals.loky import process_executor

from papers_lib.sweep import one_pool as pools
from papers_lib.sweep.core import DataRef, sweep
from papers_lib.sweep.one_pool import one_pool, settings

sys.path.insert(0, str(Path(__file__).parent))
import toy_runs
from toy_runs import Toy


def _limit_in_a_worker() -> tuple[int, int]:
    return os.getpid(), process_executor._MAX_MEMORY_LEAK_SIZE


def _workers_of_a_sweep(data: DataRef, cache: Path) -> set[int]:
    (data.root / "log").unlink(missing_ok=True)
    sweep(toy_runs.run, [Toy(seed) for seed in range(8)], data=data, cache=cache, jobs=2, say=[].append)
    return {int(line.split()[1]) for line in (data.root / "log").read_text().splitlines()}


def test_the_workers_of_a_data_set_carry_the_sweeps_until_the_data_change(tmp_path: Path) -> None:
    with one_pool(toy_runs.run):
        found = dict(Parallel(n_jobs=2)(delayed(_limit_in_a_worker)() for _ in range(8)))
    assert set(found.values()) == {pools.LEAK}
    first, second = (tmp_path / name for name in ("first", "second"))
    first.mkdir()
    second.mkdir()
    at_first = _workers_of_a_sweep(DataRef(first, "f", "stand-in"), tmp_path / "c")
    assert at_first & set(found)
    assert len(at_first | set(found)) <= 2  # two processes in all
    elsewhere = _workers_of_a_sweep(DataRef(second, "g", "stand-in"), tmp_path / "c")
    assert len(at_first | set(found) | elsewhere) <= 2
    changed = _workers_of_a_sweep(DataRef(first, "h", "stand-in"), tmp_path / "c")
    assert not changed & (at_first | set(found) | elsewhere)


def test_workers_of_older_code_are_not_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "edited_runs.py"
    source.write_text("def run(config, context):\n    return {}\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = settings("edited_runs")
    assert settings("edited_runs") == before
    source.write_text("def run(config, context):\n    return {'a': 1}\n")
    assert settings("edited_runs") != before
