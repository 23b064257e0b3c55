"""Caching, keys, order and refusals of a sweep; in this process, where no worker has to start."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from papers_lib.errors import UserError
from papers_lib.sweep import core, pick_backend, records_frame, say, sweep
from papers_lib.sweep.core import components
from tests.sweep import toy_runs
from tests.sweep.toy_runs import Costly, Toy


def test_only_what_is_missing_is_computed(bench, monkeypatch):
    first = bench.sweep(Toy(1), Toy(2))
    assert bench.lines[0] == "0 runs read from the cache, 2 to compute (2 new)"
    assert bench.lines[2].startswith("[2/2] toy ok 2: ok in ")
    assert bench.executed() == [1, 2]
    bench.sweep(Toy(3), Toy(1))
    assert bench.executed() == [3]
    monkeypatch.setattr(core, "outcomes_of", None)  # nothing may be started from here on
    again = bench.sweep(Toy(1), Toy(2), jobs=2)
    assert bench.lines == ["2 runs, all read from the cache"]
    assert repr(again) == repr(first)  # nan in the metrics: compared as text
    assert again[0].arrays()["map"].tolist() == first[0].arrays()["map"].tolist() == [[1, 2.5]]
    assert bench.sweep() == []


def test_the_longest_go_first_duplicates_run_once_and_results_keep_the_order(bench):
    records = bench.sweep(Costly(1), Costly(3), Costly(2), Costly(3))
    assert bench.executed() == [3, 2, 1]
    assert records_frame(records)["score"].tolist() == [0.25, 0.75, 0.5, 0.75]


def test_what_is_a_result_is_cached_and_what_is_none_is_tried_again(bench, monkeypatch):
    dropped: list[int] = []
    monkeypatch.setattr("papers_lib.sweep.pool.at_end_of_run", [lambda: dropped.append(1)])
    configs = [Toy(1, "diverged"), Toy(2, "error"), Toy(3, "unserializable"), Toy(4)]
    diverged, failed, unserializable, fine = bench.sweep(*configs)
    assert (diverged.status, diverged.reason, diverged.metrics) == ("diverged", "loss is nan at step 7", {})
    assert failed.status == "failed"
    assert failed.reason.startswith("ValueError: two lines about the data folder/x (toy_runs.py:")
    assert unserializable.reason.startswith("TypeError: metrics: builtins.object found; expected")
    assert fine.status == "ok"
    assert any("raise ValueError" in path.read_text() for path in bench.files(".traceback.txt"))
    assert len(dropped) == 4  # what a process must not keep for the next run, however this one ended
    bench.sweep(*configs)
    assert bench.executed() == [1, 2, 3, 4, 2, 3]


def test_a_run_resumes_from_its_checkpoint_which_then_goes(bench):
    assert bench.sweep(Toy(1, "resumes"))[0].status == "failed"
    (checkpoint,) = bench.files(".checkpoint")
    checkpoint.with_name(f"{checkpoint.name}.phase0").touch()
    assert bench.sweep(Toy(1, "resumes"))[0].metrics == {"resumed_from": 3}
    assert bench.files(".checkpoint*") == bench.files(".traceback.txt") == []


def test_force_computes_again_from_the_start(bench, monkeypatch):
    bench.sweep(Toy(1), Toy(1, "resumes"))
    first, fresh = bench.sweep(Toy(1), Toy(1, "resumes"), force=True)
    assert bench.lines[0] == "0 runs read from the cache, 2 to compute (2 forced)"
    assert (first.status, fresh.status) == ("ok", "failed")  # no checkpoint of the first attempt was used
    assert bench.executed() == [1, 1, 1, 1]
    for value, executed in (("1", [1]), ("0", [])):
        monkeypatch.setenv("PAPERS_FORCE", value)
        bench.sweep(Toy(1))
        assert bench.executed() == executed


def test_changed_data_config_code_and_libraries_are_told(bench, monkeypatch):
    bench.sweep(Toy(1), Toy(2))
    bench.data = replace(bench.data, fingerprint="other")
    bench.sweep(Toy(1), Toy(2, sizes=(7,)))
    assert "(1 data; 1 data, config (sizes))" in bench.lines[0]
    monkeypatch.setattr(core, "code_digest", lambda modules: {"papers_lib.losses.heatmap": "x"})
    bench.sweep(Toy(1))
    assert "(1 code (papers_lib.losses.heatmap, tests.sweep.toy_runs))" in bench.lines[0]
    monkeypatch.setattr(core, "library_versions", lambda modules: {"torch": "9"})
    bench.sweep(Toy(1))
    assert "(1 libraries (numpy, python, torch))" in bench.lines[0]


def test_the_key_holds_what_a_result_depends_on(bench):
    def parts(**changes: str) -> dict[str, Any]:
        options = {"device": "cpu", "precision": "float32", "initial_weights": "random", **changes}
        return components(toy_runs.run, bench.data, **options)

    assert sorted(parts()) == ["code", "data", "device", "initial_weights", "libraries", "precision", "run"]
    assert list(parts()["code"]) == ["tests.sweep.toy_runs"]
    assert parts(device="cuda:1") == parts(device="cuda") != parts()
    assert len({repr(parts(**{name: "x"})) for name in ("device", "precision", "initial_weights")}) == 3
    moved = replace(bench.data, root=Path("elsewhere"))
    assert components(toy_runs.run, moved, "cpu", "float32", "random") == parts()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_patched_function_is_run_and_never_cached(bench, monkeypatch, jobs):
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


def test_a_run_that_only_this_process_has_is_not_cached(bench):
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
    def label(self) -> str:
        return "thawed"


@dataclass(frozen=True)
class Objects:
    model: Any = None

    def label(self) -> str:
        return "objects"


@pytest.mark.parametrize(
    ("configs", "said"),
    [
        ([Thawed()], "found Thawed.*; expected frozen dataclasses"),
        ([Toy(1, "two\nlines")], r"found Toy.*; expected .* label\(\) one line"),
        ([Objects(len)], "builtins.builtin_function_or_method found"),
        ([Toy(1), Costly(1)], "found Costly.*; expected .* of one type"),
    ],
)
def test_configs_of_another_kind_are_refused(bench, configs, said):
    with pytest.raises(TypeError, match=said):
        bench.sweep(*configs)
    assert bench.executed() == []


def test_the_backend_is_the_argument_else_the_environment_else_processes(monkeypatch):
    monkeypatch.delenv("PAPERS_BACKEND", raising=False)
    assert pick_backend(None) == "processes"
    with pytest.raises(UserError, match="found 'dask', expected one of processes, ray"):
        pick_backend("dask")
    monkeypatch.setattr(core.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PAPERS_BACKEND", "ray")
    with pytest.raises(UserError, match=r"PAPERS_BACKEND ray: the package is not installed here"):
        pick_backend(None)


def test_code_that_changed_under_this_process_is_not_run(bench, monkeypatch):
    bench.sweep(Toy(1))
    monkeypatch.setattr(core, "changed_since", lambda modules: ["papers_lib.losses.heatmap"])
    bench.sweep(Toy(1))  # what the cache has is read all the same
    with pytest.raises(UserError, match=r"heatmap changed after this process loaded it: restart it"):
        bench.sweep(Toy(2))
    assert bench.executed() == [1]


def test_progress_is_appended_to_the_file_or_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("PAPERS_PROGRESS", raising=False)
    say("one\r\ntwo")
    assert capsys.readouterr().out == "one two\n"
    monkeypatch.setenv("PAPERS_PROGRESS", str(tmp_path / "progress"))
    say("one")
    say("two\rthree\nfour")
    assert (tmp_path / "progress").read_bytes() == b"one\ntwo three four\n"
    monkeypatch.setenv("PAPERS_PROGRESS", str(tmp_path / "no" / "progress"))
    with pytest.raises(UserError, match=r"PAPERS_PROGRESS=.*no/progress: cannot be written"):
        say("one")
