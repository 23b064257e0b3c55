"""A sweep on a Ray instance of this machine; skipped where Ray (the extra ``ray``) is not installed."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from papers_lib.errors import UserError
from papers_lib.sweep import ray_pool
from papers_lib.sweep.pool import Task
from tests.sweep import toy_runs
from tests.sweep.bench import Bench
from tests.sweep.toy_runs import Toy


@pytest.mark.parametrize(
    ("jobs", "device", "cluster", "expected"),
    [
        (0, "cpu", {"CPU": 48.0, "GPU": 4.0}, (48, {"num_cpus": 1})),
        (0, "cuda", {"CPU": 48.0, "GPU": 4.0}, (4, {"num_cpus": 1, "num_gpus": 1})),
        (6, "cuda:1", {"CPU": 48.0, "GPU": 4.0}, (6, {"num_cpus": 1, "num_gpus": 0.5})),
    ],
)
def test_every_run_has_a_place(
    jobs: int, device: str, cluster: dict[str, float], expected: tuple[int, dict[str, float]]
) -> None:
    assert ray_pool.slots(jobs, device, cluster) == expected


@pytest.mark.parametrize(
    ("jobs", "device", "said"),
    [
        (9, "cpu", "jobs=9: the Ray cluster has 8 CPUs; expected 9 at least"),
        (0, "cuda", "device cuda: the Ray cluster has no GPU"),
    ],
)
def test_a_cluster_that_is_too_small_is_one_line(jobs: int, device: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        ray_pool.slots(jobs, device, {"CPU": 8.0})


def test_a_node_that_does_not_share_the_folders_says_so(tmp_path: Path) -> None:
    absent = tmp_path / "elsewhere"
    for cache, data, what in ((absent, tmp_path, "the cache"), (tmp_path, absent, "the data set")):
        task = Task(toy_runs.run, Toy(1), "toy", "key", {}, cache, data, "cpu")
        with pytest.raises(
            UserError, match=rf"^Ray node .*elsewhere \({what}\) is not there; expected a file"
        ):
            ray_pool.execute_on_node(task)


def test_an_address_where_nothing_listens_is_refused_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        ray_pool._check_answers(address)
    for wrong in (address, "127.0.0.1:99999"):
        with pytest.raises(UserError, match=rf"^RAY_ADDRESS={wrong}: nothing answers there \("):
            ray_pool._check_answers(wrong)
    for other in ("", "auto", "local"):
        ray_pool._check_answers(other)


@pytest.fixture(scope="module")
def instance() -> Iterator[None]:
    """A Ray instance, started by the first sweep; a running one of this machine or RAY_ADDRESS is used."""
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    yield
    ray.shutdown()


def _wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.usefixtures("instance")
def test_records_and_cache_are_those_of_processes(bench: Bench) -> None:
    configs = [Toy(1), Toy(2, "training"), Toy(3, "diverged"), Toy(4, "error"), Toy(5, "killed")]
    records = bench.sweep(*configs, jobs=2, backend="ray", cache=bench.cache / "ray")
    assert [record.status for record in records] == ["ok", "ok", "diverged", "failed", "died"]
    assert records[4].reason == "Ray lost its worker 3 times"
    assert bench.lines[1] == "Ray: 1 nodes, 2 runs at once"
    assert sum(line.startswith("[") for line in bench.lines) == 5
    here = bench.sweep(*configs, jobs=2, cache=bench.cache / "processes")
    assert repr([replace(r, arrays_file=None) for r in records[:4]]) == repr(
        [replace(r, arrays_file=None) for r in here[:4]]
    )
    stored = [
        {path.name: path.read_bytes() for path in (bench.cache / backend).rglob("*.json")}
        for backend in ("ray", "processes")
    ]
    assert len(stored[0]) == 3
    assert stored[0] == stored[1]
    assert records[1].arrays()["weight"].tobytes() == here[1].arrays()["weight"].tobytes()


@pytest.mark.usefixtures("instance")
def test_a_lost_worker_is_told_and_its_run_goes_on(bench: Bench) -> None:
    def lose_the_worker() -> None:
        _wait(lambda: len(bench.log()) == 1)
        os.kill(bench.log()[0][1], signal.SIGKILL)
        _wait(lambda: len(bench.log()) == 2)
        (bench.data.root / "go").touch()

    thread = threading.Thread(target=lose_the_worker)
    thread.start()
    (record,) = bench.sweep(Toy(1, "waits"), jobs=2, backend="ray")
    thread.join()
    assert record.status == "ok"
    assert sum("toy waits 1 goes on from its checkpoint" in line for line in bench.lines) == 1


@pytest.mark.usefixtures("instance")
def test_an_interrupt_ends_the_runs(bench: Bench) -> None:
    def interrupt(line: str) -> None:
        if line.startswith("["):
            _wait(lambda: len(bench.log()) == 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.sweep(Toy(1), Toy(2, "waits"), jobs=2, backend="ray", say=interrupt)
    _wait(lambda: not any(psutil.pid_exists(pid) for _, pid in bench.log()), 10)
    assert len(bench.files(".json")) == 1
