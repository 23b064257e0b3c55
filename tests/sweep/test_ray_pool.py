"""A sweep on a Ray instance of this machine; skipped where Ray (the extra ``ray``) is not installed."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from papers_lib.errors import UserError
from papers_lib.sweep import ray_pool
from papers_lib.sweep.pool import Task
from tests.sweep import toy_runs
from tests.sweep.toy_runs import Toy


def test_a_node_that_does_not_share_the_folders_says_so(tmp_path):
    absent = tmp_path / "elsewhere"
    for cache, data in ((absent, tmp_path), (tmp_path, absent)):
        task = Task(toy_runs.run, Toy(1), "toy", "key", {}, cache, data, "cpu")
        with pytest.raises(UserError, match=r"^Ray node .*elsewhere is not there; expected a shared file"):
            ray_pool.execute_on_node(task)


@pytest.fixture(scope="module")
def instance() -> Iterator[None]:
    """A Ray instance, started by the first sweep; a running one of this machine or RAY_ADDRESS is used."""
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    yield
    ray.shutdown()


def test_an_address_where_nothing_listens_is_refused_at_once(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", SimpleNamespace(is_initialized=lambda: False))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UserError, match=rf"^RAY_ADDRESS={address}: no Ray cluster \("):
        ray_pool._connect()


def _wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.usefixtures("instance")
def test_records_and_cache_are_those_of_processes(bench):
    configs = [Toy(1), Toy(2, "training"), Toy(3, "diverged"), Toy(4, "error"), Toy(5, "killed")]
    records = bench.sweep(*configs, jobs=2, backend="ray", cache=bench.cache / "ray")
    assert [record.status for record in records] == ["ok", "ok", "diverged", "failed", "died"]
    assert records[4].reason.startswith("Ray lost its worker 3 times")
    assert bench.lines[1] == "Ray: 1 nodes, 2 runs at once"
    assert sum(line.startswith("[") for line in bench.lines) == 5
    here = bench.sweep(*configs, jobs=2, cache=bench.cache / "processes")
    on_ray, on_processes = ([replace(r, arrays_file=None) for r in found[:4]] for found in (records, here))
    assert repr(on_ray) == repr(on_processes)
    stored = [
        {path.name: path.read_bytes() for path in (bench.cache / backend).rglob("*.json")}
        for backend in ("ray", "processes")
    ]
    assert len(stored[0]) == 3
    assert stored[0] == stored[1]


@pytest.mark.usefixtures("instance")
def test_a_lost_run_is_repeated_and_an_interrupt_ends_the_runs(bench):
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
    (bench.data.root / "go").unlink()
    bench.executed()

    def interrupt(line: str) -> None:
        if line.startswith("["):
            _wait(lambda: len(bench.log()) == 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.sweep(Toy(2), Toy(3, "waits"), jobs=2, backend="ray", say=interrupt)
    _wait(lambda: not any(psutil.pid_exists(pid) for _, pid in bench.log()), 10)
    assert len(bench.files(".json")) == 2
