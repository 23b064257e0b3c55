"""One run in this process."""

import os
import sys
from pathlib import Path

import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.sweep import workers
from papers_lib.sweep.core import DataRef, sweep
from papers_lib.sweep.workers import execute_in_worker

sys.path.insert(0, str(Path(__file__).parent))
import toy_runs
from toy_runs import Toy
from toy_tasks import task_of


def test_one_job_and_two_give_the_same_bits(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        results = []
        for jobs in (1, 2):
            data = DataRef(tmp_path, "f", "stand-in")
            cache = tmp_path / str(jobs)
            results.append(sweep(toy_runs.run, [Toy(1, "training")], data=data, cache=cache, jobs=jobs))
        assert torch.get_num_threads() == 2  # given back
    finally:
        torch.set_num_threads(before)
    (here,), (worker,) = results
    assert here.metrics == worker.metrics
    assert here.metrics["threads"] == 1
    assert here.arrays()["weight"].tobytes() == worker.arrays()["weight"].tobytes()
    processes = {line.split()[1] for line in (tmp_path / "log").read_text().splitlines()}
    assert len(processes) == 2
    assert str(os.getpid()) in processes


def test_a_worker_with_other_code_than_the_key_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "start_worker", lambda parent: None)  # this process is no worker
    task = task_of(tmp_path, Toy(1))
    task.components["code"]["papers_lib.sweep.context"] = "older"
    with pytest.raises(UserError, match=r"^papers_lib/sweep/context.py changed while the sweep ran"):
        execute_in_worker(task)
    assert not (tmp_path / "log").exists()


def test_the_marker_names_the_process_while_a_run_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "start_worker", lambda parent: None)
    seen = []
    monkeypatch.setattr(workers, "execute", lambda task: seen.append(task.marker.read_text()))
    task = task_of(tmp_path, Toy(1))
    threads = torch.get_num_threads()
    execute_in_worker(task)
    torch.set_num_threads(threads)
    assert seen == [str(os.getpid())]
    assert not task.marker.exists()


def test_a_worker_with_other_libraries_than_the_key_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "start_worker", lambda parent: None)
    task = task_of(tmp_path, Toy(1))
    task.components["libraries"] = {"torch": "1.0"}
    with pytest.raises(UserError, match=rf"found torch {torch.__version__.split('+')[0]}.*, expected 1.0 as"):
        execute_in_worker(task)
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_cache_of_somebody_else_is_told_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr(workers, "start_worker", lambda parent: None)
    monkeypatch.setattr(workers.os, "access", lambda path, mode: False)  # root may write anywhere
    task = task_of(tmp_path, Toy(1))
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\)"):
        (workers.execute if jobs == 1 else execute_in_worker)(task)
    assert not (tmp_path / "log").exists()
