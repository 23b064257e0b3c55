"""Caching, keys, order and refusals of a sweep; in this process, where no worker has to start."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from papers_lib.errors import UserError
from papers_lib.sweep import core, pick_backend, records_frame, sweep
from papers_lib.sweep.core import components
from tests.sweep import toy_runs
from tests.sweep.bench import Bench
from tests.sweep.toy_runs import Costly, Toy


def test_the_environment_forces_as_the_argument_does(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for value, executed in (("", [1]), ("", []), ("1", [1]), ("0", [])):
        monkeypatch.setenv("PAPERS_FORCE", value)
        bench.sweep(Toy(1))
        assert bench.executed() == executed


def test_only_what_is_missing_is_computed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bench.sweep(Toy(1), Toy(2))
    assert bench.lines[0] == "0 runs read from the cache, 2 to compute (2 new)"
    assert bench.lines[2].startswith("[2/2] toy ok 2: ok in ")
    assert bench.executed() == [1, 2]
    bench.sweep(Toy(3), Toy(1))
    assert bench.executed() == [3]
    monkeypatch.setattr(core, "_outcomes", None)  # nothing may be started from here on
    again = bench.sweep(Toy(1), Toy(2), jobs=2)
    assert bench.lines == ["2 runs, all read from the cache"]
    assert repr(again) == repr(first)  # nan in the metrics: compared as text
    assert again[0].arrays()["map"].tolist() == first[0].arrays()["map"].tolist() == [[1, 2.5]]


def test_duplicates_run_once_and_results_keep_the_order(bench: Bench) -> None:
    records = bench.sweep(Toy(2), Toy(1), Toy(2))
    assert bench.executed() == [2, 1]
    assert [record.config.seed for record in records] == [2, 1, 2]
    assert records_frame(records)["score"].tolist() == [0.5, 0.25, 0.5]


def test_the_longest_go_first_where_costs_are_known(bench: Bench) -> None:
    records = bench.sweep(Costly(1), Costly(3), Costly(2))
    assert bench.executed() == [3, 2, 1]
    assert [record.config.seed for record in records] == [1, 3, 2]


def test_a_failure_that_is_a_result_is_cached(bench: Bench) -> None:
    for _ in range(2):
        (record,) = bench.sweep(Toy(1, "diverged"))
        assert (record.status, record.reason, record.metrics) == ("diverged", "loss is nan at step 7", {})
    assert bench.executed() == [1]


def test_another_exception_is_told_in_one_line_and_tried_again(bench: Bench) -> None:
    failed, fine = bench.sweep(Toy(1, "error"), Toy(2))
    assert failed.status == "failed"
    assert failed.reason.startswith("ValueError: two lines about the data folder/x (")
    assert "toy_runs.py:" in failed.reason
    assert fine.status == "ok"
    assert "raise ValueError" in bench.files(".traceback.txt")[0].read_text()
    bench.sweep(Toy(1, "error"), Toy(2))
    assert bench.executed() == [1, 2, 1]


def test_metrics_that_cannot_be_stored_fail_their_run(bench: Bench) -> None:
    (record,) = bench.sweep(Toy(1, "unserializable"))
    assert record.status == "failed"
    assert record.reason.startswith("TypeError: metrics: builtins.object found; expected")


def test_a_run_resumes_from_its_checkpoint_which_then_goes(bench: Bench) -> None:
    assert bench.sweep(Toy(1, "resumes"))[0].status == "failed"
    (checkpoint,) = bench.files(".checkpoint")
    checkpoint.with_name(f"{checkpoint.name}.phase0").touch()
    assert bench.sweep(Toy(1, "resumes"))[0].metrics == {"resumed_from": 3}
    assert bench.files(".checkpoint*") == bench.files(".traceback.txt") == []


def test_force_computes_again_from_the_start(bench: Bench) -> None:
    bench.sweep(Toy(1), Toy(1, "resumes"))
    first, fresh = bench.sweep(Toy(1), Toy(1, "resumes"), force=True)
    assert bench.lines[0] == "0 runs read from the cache, 2 to compute (2 forced)"
    assert (first.status, fresh.status) == ("ok", "failed")  # no checkpoint of the first attempt was used
    assert bench.executed() == [1, 1, 1, 1]


def test_what_a_run_must_not_keep_is_dropped_however_it_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[int] = []
    monkeypatch.setattr("papers_lib.sweep.pool.at_end_of_run", [lambda: dropped.append(1)])
    bench.sweep(Toy(1), Toy(1, "error"), Toy(1, "diverged"))
    assert len(dropped) == 3


def test_changed_data_config_and_code_are_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.sweep(Toy(1), Toy(2))
    bench.data = replace(bench.data, fingerprint="other")
    bench.sweep(Toy(1), Toy(2, sizes=(7,)))
    assert "(1 data; 1 data; config: sizes [3, 5] → [7])" in bench.lines[0]
    monkeypatch.setattr(core, "code_digest", lambda modules: {"papers_lib.losses.heatmap": "x"})
    bench.sweep(Toy(1))
    assert "(1 code: papers_lib/losses/heatmap.py, tests/sweep/toy_runs.py)" in bench.lines[0]
    monkeypatch.setattr(core, "library_versions", lambda modules: {"torch": "9"})
    bench.sweep(Toy(1))
    assert "(1 libraries: numpy " in bench.lines[0]


def test_the_key_holds_what_a_result_depends_on(bench: Bench) -> None:
    def parts(**changes: str) -> dict[str, Any]:
        options = {"device": "cpu", "precision": "float32", "initial_weights": "random", **changes}
        return components(toy_runs.run, bench.data, **options)

    assert sorted(parts()) == ["code", "data", "device", "initial_weights", "libraries", "precision", "run"]
    assert sorted(parts()["libraries"]) == ["numpy", "python", "torch"]
    assert list(parts()["code"]) == ["tests.sweep.toy_runs"]
    assert parts(device="cuda:1") == parts(device="cuda") != parts()
    assert parts(precision="bfloat16") != parts()
    assert parts(initial_weights="imagenet") != parts()
    moved = replace(bench.data, root=Path("elsewhere"))
    assert components(toy_runs.run, moved, "cpu", "float32", "random") == parts()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_patched_function_is_run_and_never_cached(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    bench.sweep(Toy(1))
    before = bench.files("")
    with monkeypatch.context() as patch:
        patch.setattr(toy_runs, "_ok", lambda config, context: {"score": 9.0})
        (patched,) = bench.sweep(Toy(1), jobs=jobs)
        assert "toy_runs._ok is not what its source file says" in bench.lines[0]
    (again,) = bench.sweep(Toy(1), jobs=jobs)
    assert (patched.metrics["score"], again.metrics["score"]) == (9.0, 0.25)
    assert bench.executed() == [1, 1]
    assert bench.files("") == before


def test_a_run_that_only_this_process_has_is_not_cached(bench: Bench) -> None:
    def local(config: Toy, context: Any) -> dict[str, Any]:
        context.save_arrays(map=[config.seed])
        return {"score": 3.0}

    for _ in range(2):
        (record,) = sweep(local, [Toy(4)], data=bench.data, cache=bench.cache, jobs=2, say=bench.lines.append)
        assert record.metrics == {"score": 3.0}
        assert record.arrays()["map"].tolist() == [4]
    assert sum("local is not what" in line for line in bench.lines) == 2
    assert not bench.cache.exists()


@dataclass
class Thawed:
    seed: int = 1

    def label(self) -> str:
        return "thawed"


@dataclass(frozen=True)
class Unlabelled:
    seed: int = 1


@dataclass(frozen=True)
class Objects:
    model: Any = None

    def label(self) -> str:
        return "objects"


@pytest.mark.parametrize(
    ("configs", "said"),
    [
        ([Thawed()], "Thawed found; expected a frozen dataclass"),
        ([{"seed": 1}], "dict found; expected a frozen dataclass"),
        ([Unlabelled()], r"Unlabelled.label\(\) gives None; expected one line"),
        ([Toy(1, "two\nlines")], r"Toy.label\(\) gives .*; expected one line"),
        ([Objects(len)], "Objects: builtins.builtin_function_or_method found"),
        ([Toy(1), Costly(1)], "Costly found among Toy; expected one type"),
    ],
)
def test_configs_of_another_kind_are_refused(bench: Bench, configs: list[Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        bench.sweep(*configs)
    assert bench.executed() == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda bench: bench.sweep(Toy(1), jobs=-1), "jobs=-1: expected 0"),
        (
            lambda bench: (bench.cache.write_text("") and None) or bench.sweep(Toy(1)),
            "tests: cannot be written",
        ),
        (lambda bench: bench.sweep(Toy(1), backend="dask"), "found 'dask', expected one of processes, ray"),
    ],
)
def test_bad_arguments_are_one_line_for_the_user(
    bench: Bench, spoil: Callable[[Bench], Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        spoil(bench)


def test_the_backend_is_the_argument_else_the_environment_else_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PAPERS_BACKEND", raising=False)
    assert pick_backend(None) == pick_backend("loky") == "processes"  # its name until joblib went
    monkeypatch.setattr(core.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PAPERS_BACKEND", "ray")
    with pytest.raises(UserError, match=r"PAPERS_BACKEND ray: the package is not installed here"):
        pick_backend(None)


def test_code_that_changed_under_this_process_is_not_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.sweep(Toy(1))
    monkeypatch.setattr(core, "changed_since", lambda modules, started: ["papers_lib.losses.heatmap"])
    bench.sweep(Toy(1))  # what the cache has is read all the same
    for jobs, cores in ((1, 2), (0, 1)):
        monkeypatch.setattr("papers_lib.processes.cores", lambda found=cores: found)
        with pytest.raises(UserError, match=r"heatmap changed after this process loaded it: restart it"):
            bench.sweep(Toy(2), jobs=jobs)
    assert bench.executed() == [1]


def test_no_configs_give_no_records(bench: Bench) -> None:
    assert bench.sweep() == []
