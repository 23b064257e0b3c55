"""Many processes: what happens when a worker, the sweep or its user ends early."""

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest

from papers_lib.sweep import pool
from papers_lib.sweep.core import DataRef, sweep
from papers_lib.sweep.workers import Outcome, Task, execute

sys.path.insert(0, str(Path(__file__).parent))
import toy_runs
from toy_runs import Toy

# A user's script: started, then killed or interrupted in the middle of its sweep.
SCRIPT = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits "ignored"
sys.path.insert(0, {tests!r})
import psutil, toy_runs
from toy_runs import Toy
from papers_lib.sweep.core import DataRef, sweep

data, configs = Path({data!r}), [Toy(1), Toy(2, "waits"), Toy(3), Toy(4, "waits"), Toy(5)]
try:
    reference = DataRef(data, "f", "stand-in")
    sweep(toy_runs.run, configs, data=reference, cache=Path({cache!r}), jobs=2, say=[].append)
except KeyboardInterrupt:
    pids = [int(line.split()[1]) for line in (data / "log").read_text().splitlines()]
    for _ in range(300):
        if not any(map(psutil.pid_exists, pids)):
            sys.exit(7)  # this process lives and its workers are gone
        time.sleep(0.1)
"""


def _log(data: Path) -> list[tuple[int, int]]:
    """(seed, process id) of each execution."""
    log = data / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [(int(seed), int(pid)) for seed, pid in map(str.split, lines)]


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_ends_early_leaves_no_worker_and_goes_on_where_it_stopped(
    tmp_path: Path, end: int
) -> None:
    data, cache = tmp_path / "data", tmp_path / "cache"
    data.mkdir()
    script = SCRIPT.format(tests=str(Path(__file__).parent), data=str(data), cache=str(cache))
    command = [sys.executable, "-c", script]
    errors = tmp_path / "errors"
    with errors.open("w") as file, subprocess.Popen(command, stderr=file, start_new_session=True) as process:
        try:
            assert _wait(
                lambda: {seed for seed, _ in _log(data)} == {1, 2, 3, 4}, 90
            )  # both workers wait now
            time.sleep(0.2)
            if end == signal.SIGINT:
                os.killpg(process.pid, end)  # Ctrl-C reaches the workers too
            else:
                process.kill()
            process.wait(60)
        finally:
            process.kill()
    assert "Traceback" not in errors.read_text()
    assert process.returncode == (-9 if end == signal.SIGKILL else 7)
    assert _wait(lambda: not any(_alive(pid) for _, pid in _log(data)), 30)
    assert len(list(cache.rglob("*.json"))) == 2

    (data / "log").unlink()
    (data / "go").touch()
    configs = [Toy(1), Toy(2, "waits"), Toy(3), Toy(4, "waits"), Toy(5)]
    records = sweep(
        toy_runs.run, configs, data=DataRef(data, "f", "stand-in"), cache=cache, jobs=2, say=[].append
    )
    assert {record.status for record in records} == {"ok"}
    assert sorted(seed for seed, _ in _log(data)) == [2, 4, 5]


def test_a_death_costs_the_culprit_only(tmp_path: Path) -> None:
    lines: list[str] = []
    data = DataRef(tmp_path, "f", "stand-in")
    configs = [
        Toy(1),
        Toy(2, "killed"),
        *map(Toy, range(3, 9)),
        Toy(9, "killed_once"),
        Toy(10, "error"),
        Toy(11),
    ]
    records = sweep(toy_runs.run, configs, data=data, cache=tmp_path / "c", jobs=2, say=lines.append)
    status = {record.config.seed: record.status for record in records}
    assert status == dict.fromkeys(range(1, 12), "ok") | {2: "died", 10: "failed"}
    assert records[1].reason == "killed by signal 9 (SIGKILL)"
    assert [record.config.seed for record in records] == list(range(1, 12))
    assert any(
        line.startswith("a worker process died; runs to repeat, each in a process of its own:")
        for line in lines
    )
    assert sum(line.startswith("[") for line in lines) == 11
    (tmp_path / "log").unlink()
    again = sweep(toy_runs.run, configs, data=data, cache=tmp_path / "c", jobs=2, say=lines.append)
    assert {seed for seed, _ in _log(tmp_path)} == {2, 10}  # neither mishap is cached
    assert [record.status for record in again] == [record.status for record in records]


def test_an_interrupt_between_two_results_ends_the_workers_quietly(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        if line.startswith("["):
            assert _wait(lambda: len(_log(tmp_path)) == 2, 60)
            raise KeyboardInterrupt

    data = DataRef(tmp_path, "f", "stand-in")
    with warnings.catch_warnings(record=True) as told, pytest.raises(KeyboardInterrupt):
        sweep(toy_runs.run, [Toy(1), Toy(2, "waits")], data=data, cache=tmp_path / "c", jobs=2, say=interrupt)
    assert told == []
    assert not any(_alive(pid) for _, pid in _log(tmp_path))
    assert len(list((tmp_path / "c").rglob("*.json"))) == 1


def test_a_result_that_was_stored_before_the_pool_broke_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stores_one_and_breaks(tasks: list[Task], jobs: int) -> Iterator[Outcome]:
        execute(tasks[0])
        raise BrokenProcessPool
        yield

    monkeypatch.setattr(pool, "_pool", stores_one_and_breaks)
    monkeypatch.setattr(pool, "execute_alone", execute)
    data = DataRef(tmp_path, "f", "stand-in")
    records = sweep(toy_runs.run, [Toy(1), Toy(2)], data=data, cache=tmp_path / "c", jobs=2, say=[].append)
    assert [record.status for record in records] == ["ok", "ok"]
    assert [seed for seed, _ in _log(tmp_path)] == [1, 2]


def test_a_worker_that_dies_before_its_run_begins_is_a_death_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import os\nif os.getpid() != int(os.environ['SWEEP_PID']):\n    os._exit(3)\n"
    (tmp_path / "dies_on_import.py").write_text(f"{source}def run(config, context):\n    return {{}}\n")
    monkeypatch.setenv("SWEEP_PID", str(os.getpid()))
    monkeypatch.syspath_prepend(tmp_path)
    import dies_on_import

    data = DataRef(tmp_path, "f", "stand-in")
    records = sweep(dies_on_import.run, [Toy(1), Toy(2)], data=data, cache=tmp_path, jobs=2, say=[].append)
    assert [record.status for record in records] == ["died", "died"]
    assert records[0].reason == "exit code 3: no message"
