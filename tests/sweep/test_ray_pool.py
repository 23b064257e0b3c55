"""A sweep on a Ray instance of this machine; skipped where Ray (the extra ``ray``) is not installed."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
from papers_lib.sweep.workers import Outcome, Task

from papers_lib.errors import UserError
from papers_lib.sweep import ray_pool
from papers_lib.sweep.core import DataRef, sweep

sys.path.insert(0, str(Path(__file__).parent))
import toy_runs
from toy_runs import Costly, Toy


@pytest.mark.parametrize(
    ("jobs", "device", "cluster", "expected"),
    [
        (0, "cpu", {"CPU": 48.0, "GPU": 4.0}, (48, {"num_cpus": 1})),
        (1, "cpu", {"CPU": 48.0}, (1, {"num_cpus": 1})),
        (0, "cuda", {"CPU": 48.0, "GPU": 4.0}, (4, {"num_cpus": 1, "num_gpus": 1})),
        (6, "cuda", {"CPU": 48.0, "GPU": 4.0}, (6, {"num_cpus": 1, "num_gpus": 0.5})),
        (0, "cuda:1", {"CPU": 8.0, "GPU": 1.0}, (1, {"num_cpus": 1, "num_gpus": 0.5})),
    ],
)
def test_every_actor_of_the_pool_has_a_place(
    jobs: int, device: str, cluster: dict[str, float], expected: tuple[int, dict[str, float]]
) -> None:
    at_once, share = ray_pool.slots(jobs, device, cluster)
    assert (at_once, share) == expected
    actors = max(2, at_once)  # all of them start before the first run does
    assert actors * share["num_cpus"] <= cluster["CPU"]
    if "num_gpus" in share:  # whole actors on whole GPUs: a share never spans two
        assert actors <= cluster["GPU"] * int(1 / share["num_gpus"])


@pytest.mark.parametrize(
    ("jobs", "device", "cluster", "said"),
    [
        (9, "cpu", {"CPU": 8.0}, "jobs=9: the Ray cluster has 8 CPUs; expected 9 at least"),
        (0, "cpu", {"CPU": 1.0}, "jobs=0: the Ray cluster has 1 CPUs; expected 2 at least"),
        (0, "cuda", {"CPU": 8.0}, "device cuda: the Ray cluster has no GPU"),
    ],
)
def test_a_cluster_that_is_too_small_is_one_line(
    jobs: int, device: str, cluster: dict[str, float], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        ray_pool.slots(jobs, device, cluster)


def test_a_node_that_does_not_share_the_folders_says_so(tmp_path: Path) -> None:
    order, absent = tmp_path / "key.task", tmp_path / "elsewhere"
    order.touch()
    for places, what in (((absent, tmp_path), "the cache"), ((order, absent), "the data set")):
        with pytest.raises(
            UserError, match=rf"^Ray node .*elsewhere \({what}\) is not there; expected a file"
        ):
            ray_pool.execute_on_node(*map(str, places), "", [])


def test_an_address_where_nothing_listens_is_refused_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        ray_pool._check_answers(address)
    for wrong in (address, "127.0.0.1:99999"):
        with pytest.raises(UserError, match=rf"^RAY_ADDRESS={wrong}: nothing answers there \("):
            ray_pool._check_answers(wrong)
    for other in ("", "auto", "local"):
        ray_pool._check_answers(other)


class Pretend:
    """Ray's part played by a script: for each pool the seeds that end well, then the exception that ends it."""

    class RayError(Exception):
        pass

    class RayTaskError(RayError):
        pass

    def __init__(self, folder: Path) -> None:
        self.tasks = [
            Task(toy_runs.run, Costly(n), f"toy {n}", f"key {n}", {}, folder, folder, "cpu", folder)
            for n in (1, 2)
        ]
        self.script: list[tuple[list[int], Exception | None]] = []
        self.asked: list[list[int]] = []
        self.lines: list[str] = []

    def pool(self, tasks: list[Task], at_once: int, share: dict[str, float]) -> Iterator[Outcome]:
        self.asked.append([task.config.seed for task in tasks])
        ended, error = self.script.pop(0)
        for task in tasks:
            if task.config.seed in ended:
                yield Outcome(task.key, {"status": "ok"}, 1.0)
            else:
                task.marker.touch()
        if error:
            raise error

    def outcomes(self) -> dict[str, str]:
        found = ray_pool.outcomes_on_ray(self.tasks, 2, self.lines.append)
        return {outcome.key: outcome.result["status"] for outcome in found}


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    ray = Pretend(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    monkeypatch.setitem(sys.modules, "ray.exceptions", ray)  # type: ignore[arg-type]
    monkeypatch.setattr(ray_pool, "_connect", lambda jobs: None)
    monkeypatch.setattr(ray_pool, "_resources", lambda: {"CPU": 4.0})
    monkeypatch.setattr(ray_pool, "_nodes", lambda: "3 nodes")
    monkeypatch.setattr(ray_pool, "_pool", ray.pool)
    return ray


def test_the_longest_go_first_and_a_run_that_is_lost_goes_on(pretend: Pretend) -> None:
    pretend.script = [([2], pretend.RayError()), ([1], None)]
    assert pretend.outcomes() == {"key 2": "ok", "key 1": "ok"}
    assert pretend.asked == [[2, 1], [1]]
    assert pretend.lines == [
        "Ray: 3 nodes, 2 runs at once",
        "Ray lost a worker (RayError); runs to go on with: 1",
    ]
    assert not pretend.tasks[0].marker.exists()


def test_a_run_that_loses_its_worker_three_times_has_died(pretend: Pretend) -> None:
    pretend.script = [([], pretend.RayError()), ([1], pretend.RayError()), ([], pretend.RayError())]
    assert pretend.outcomes() == {"key 1": "ok", "key 2": "died"}
    assert pretend.asked == [[2, 1], [2, 1], [2]]


def test_a_result_that_was_stored_before_the_worker_was_lost_is_kept(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "stored", lambda task: Outcome(task.key, {"status": "diverged"}, None))
    pretend.script = [([2], pretend.RayError())]
    assert pretend.outcomes() == {"key 2": "ok", "key 1": "diverged"}


def test_what_no_worker_can_take_ends_the_sweep(pretend: Pretend) -> None:
    pretend.script = [([2], pretend.RayTaskError("a trace\n  of many lines\nNo module named 'papers_lib'\n"))]
    with pytest.raises(UserError, match=r"^a Ray worker cannot take a run: No module named 'papers_lib'$"):
        pretend.outcomes()


@pytest.fixture(scope="module")
def instance() -> Iterator[None]:
    """A Ray instance, started by the first sweep; a running one of this machine or RAY_ADDRESS is used."""
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    yield
    ray.shutdown()


def _sweep(folder: Path, backend: str, configs: list[Toy], **options: Any) -> list[Any]:
    data = folder / "data"
    data.mkdir(exist_ok=True)
    options = {"say": [].append, **options}
    reference = DataRef(data, "f", "stand-in")
    return sweep(
        toy_runs.run, configs, data=reference, cache=folder / backend, jobs=2, backend=backend, **options
    )


def _log(folder: Path) -> list[tuple[int, int]]:
    """(seed, process id) of each execution."""
    log = folder / "data" / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [(int(seed), int(pid)) for seed, pid in map(str.split, lines)]


def _wait(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_records_and_cache_are_those_of_processes(tmp_path: Path, instance: None) -> None:
    configs = [Toy(1), Toy(2, "training"), Toy(3, "diverged"), Toy(4, "error"), Toy(5, "killed")]
    lines: list[str] = []
    records = _sweep(tmp_path, "ray", configs, say=lines.append)
    assert [record.status for record in records] == ["ok", "ok", "diverged", "failed", "died"]
    assert records[4].reason == "killed by signal 9 (SIGKILL)"
    assert lines[1].startswith("Ray: 1 node, 2 runs at once")
    assert sum(line.startswith("[") for line in lines) == 5
    processes = _sweep(tmp_path, "loky", configs)
    assert repr([replace(r, arrays_file=None) for r in records]) == repr(
        [replace(r, arrays_file=None) for r in processes]
    )
    stored = [
        {path.name: path.read_bytes() for path in (tmp_path / backend).rglob("*.json")}
        for backend in ("ray", "loky")
    ]
    assert len(stored[0]) == 3
    assert stored[0] == stored[1]
    assert records[1].arrays()["weight"].tobytes() == processes[1].arrays()["weight"].tobytes()
    assert not list((tmp_path / "ray" / "toy_runs").glob(".*"))  # no scratch is left


def test_a_lost_worker_is_told_and_its_run_goes_on(tmp_path: Path, instance: None) -> None:
    lines: list[str] = []

    def lose_the_actor() -> None:
        _wait(lambda: len(_log(tmp_path)) == 1)
        os.kill(psutil.Process(_log(tmp_path)[0][1]).ppid(), signal.SIGKILL)
        _wait(lambda: len(_log(tmp_path)) == 2)
        (tmp_path / "data" / "go").touch()

    (tmp_path / "data").mkdir()
    thread = threading.Thread(target=lose_the_actor)
    thread.start()
    (record,) = _sweep(tmp_path, "ray", [Toy(1, "waits")], say=lines.append)
    thread.join()
    assert record.status == "ok"
    assert [line for line in lines if "lost" in line] == [
        "Ray lost a worker (ActorDiedError); runs to go on with: 1"
    ]
    assert [seed for seed, _ in _log(tmp_path)] == [1, 1]


def test_an_interrupt_ends_the_runs(tmp_path: Path, instance: None) -> None:
    def interrupt(line: str) -> None:
        if line.startswith("["):
            _wait(lambda: len(_log(tmp_path)) == 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _sweep(tmp_path, "ray", [Toy(1), Toy(2, "waits")], say=interrupt)
    _wait(lambda: not any(psutil.pid_exists(pid) for _, pid in _log(tmp_path)), 10)
    assert len(list((tmp_path / "ray").rglob("*.json"))) == 1
