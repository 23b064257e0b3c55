"""Many processes: what happens when a worker ends early; tests/faults has what ends the sweep itself."""

import os

import pytest
import torch

from papers_lib import processes
from papers_lib.errors import UserError
from papers_lib.processes import in_processes
from papers_lib.sweep import pool, sweep
from papers_lib.sweep.pool import execute_in_worker
from tests.sweep import toy_runs
from tests.sweep.toy_runs import Toy


def test_a_death_costs_the_culprit_only(bench):
    configs = [Toy(1), Toy(2, "killed"), *map(Toy, range(3, 8)), Toy(8, "error"), Toy(9, "exits"), Toy(10)]
    records = bench.sweep(*configs, jobs=2)
    status = {record.config.seed: record.status for record in records}
    assert status == dict.fromkeys(range(1, 11), "ok") | {2: "died", 8: "failed", 9: "died"}
    assert [records[1].reason, records[8].reason] == ["killed by signal 9 (SIGKILL)", "exit code 3"]
    assert [record.config.seed for record in records] == list(range(1, 11))
    assert sum(line.startswith("[") for line in bench.lines) == 10
    bench.executed()
    again = bench.sweep(*configs, jobs=2)
    assert set(bench.executed()) == {2, 8, 9}  # no mishap is cached
    assert [record.status for record in again] == [record.status for record in records]


def test_a_result_that_was_stored_before_its_worker_died_is_kept(bench):
    bench.sweep(Toy(1))
    (entry,) = bench.files(".json")
    task = pool.Task(toy_runs.run, Toy(1), "", entry.stem, {}, entry.parent, bench.data.root, "cpu")
    assert pool.died(task, "why").result["status"] == "ok"


def test_a_worker_whose_module_ends_it_is_a_death_too(bench, tmp_path, monkeypatch):
    source = "import os\nif os.getpid() != int(os.environ['SWEEP_PID']):\n    os._exit(3)\n"
    (tmp_path / "dies_on_import.py").write_text(f"{source}def run(config, context):\n    return {{}}\n")
    monkeypatch.setenv("SWEEP_PID", str(os.getpid()))
    monkeypatch.syspath_prepend(tmp_path)
    import dies_on_import

    records = sweep(
        dies_on_import.run, [Toy(1), Toy(2)], data=bench.data, cache=bench.cache, jobs=2, say=[].append
    )
    assert [(record.status, record.reason) for record in records] == [("died", "exit code 3")] * 2


def test_one_job_and_two_give_the_same_bits(bench):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = [bench.sweep(Toy(1, "training"), jobs=n, cache=bench.cache / str(n))[0] for n in (1, 2)]
        assert torch.get_num_threads() == 2  # given back
    finally:
        torch.set_num_threads(before)
    here, worker = found
    assert here.metrics == worker.metrics
    assert here.metrics["threads"] == 1
    assert here.arrays()["weight"].tobytes() == worker.arrays()["weight"].tobytes()
    pids = {pid for _, pid in bench.log()}
    assert len(pids) == 2
    assert os.getpid() in pids


def test_runs_without_room_on_a_gpu_beside_others_are_repeated_alone(bench):
    records = bench.sweep(Toy(1, "crowded"), Toy(2), Toy(3, "too_large"), Toy(4), jobs=2)
    assert [record.status for record in records] == ["ok", "ok", "failed", "ok"]
    assert "ALLOC_FAILED" in records[2].reason
    assert "no room on the GPU beside other runs; runs to repeat one at a time: 2" in bench.lines
    log = bench.log()
    assert sorted(seed for seed, _ in log[:4]) == [1, 2, 3, 4]
    assert sorted(seed for seed, _ in log[4:]) == [1, 3]
    assert not {pid for _, pid in log[:4]} & {pid for _, pid in log[4:]}
    assert len({pid for _, pid in log[4:]}) == 2
    assert sum(line.startswith("[") for line in bench.lines) == 4  # one line a run, not one an attempt


def test_a_worker_with_other_code_or_libraries_than_the_key_refuses(bench):
    for part, name in (("code", "papers_lib.losses.heatmap"), ("libraries", "torch")):
        parts = {"code": {}, "libraries": {}, part: {name: "older"}}
        task = pool.Task(toy_runs.run, Toy(1), "toy", "key", parts, bench.cache, bench.data.root, "cpu")
        with pytest.raises(
            UserError, match=f"^{part} changed since the sweep started.*: {name}; start it again"
        ):
            execute_in_worker(task)
    assert bench.log() == []


def test_the_same_workers_carry_all_work_until_data_or_code_change(bench, monkeypatch):
    processes.end_workers()
    assert in_processes(divmod, [(n, 3) for n in range(9)], 2) == [divmod(n, 3) for n in range(9)]
    of_data = set(in_processes(os.getpid, [()] * 9, 2))
    bench.sweep(*map(Toy, range(9)), jobs=2)
    of_runs = {pid for _, pid in bench.log()}
    assert len(of_data | of_runs) == 2
    bench.executed()
    bench.data = type(bench.data)(bench.data.root, "changed", "synthetic data")
    bench.sweep(*map(Toy, range(9)), jobs=2)
    of_other_data = {pid for _, pid in bench.log()}
    assert not of_other_data & (of_data | of_runs)
    monkeypatch.setattr(processes, "_started", 0.0)  # before the files of the checkout were written
    assert not set(in_processes(os.getpid, [()] * 9, 2)) & of_other_data


def test_a_worker_that_dies_over_a_data_set_is_one_line():
    with pytest.raises(UserError, match=r"_exit: its worker process died \(exit code 5\)"):
        in_processes(os._exit, [(5,)], 2)
    with pytest.raises(ZeroDivisionError):
        in_processes(divmod, [(1, 0)], 2)


def test_processes_as_asked_or_one_a_core_or_as_many_as_a_gpu_takes(monkeypatch):
    assert processes.processes(3, "cpu") == processes.processes(3, "cuda") == 3
    assert 1 <= processes.processes(0, "cpu") <= (os.cpu_count() or 1)
    for gigabytes, cores, expected in [(139, 64, 8), (139, 4, 4), (40, 64, 3), (6, 64, 1)]:
        monkeypatch.setattr(processes, "free_bytes", lambda device, free=gigabytes: free * 2**30)
        monkeypatch.setattr(processes, "cores", lambda found=cores: found)
        assert processes.processes(0, "cuda:1") == expected
