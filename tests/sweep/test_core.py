"""Caching, keys and order of a sweep; in this process, where no worker has to start."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from papers_lib.errors import UserError
from papers_lib.sweep import pool
from papers_lib.sweep.core import DataRef, components, records_frame, sweep

sys.path.insert(0, str(Path(__file__).parent))  # worker processes get this path too
import toy_runs
from toy_runs import Costly, Toy


class Bench:
    """A folder with toy data and a cache, the lines said, and a count of executions."""

    def __init__(self, folder: Path) -> None:
        self.data = DataRef(folder / "data", "fingerprint", "stand-in")
        self.cache = folder / "cache"
        self.lines: list[str] = []
        self.data.root.mkdir()

    def sweep(self, *configs: Toy, **options: Any) -> list[Any]:
        self.lines.clear()
        options = {"data": self.data, "cache": self.cache, "jobs": 1, "say": self.lines.append, **options}
        return sweep(toy_runs.run, configs, **options)

    def executed(self) -> list[int]:
        """Seeds in the order of execution since the last call."""
        log = self.data.root / "log"
        seeds = [int(line.split()[0]) for line in log.read_text().splitlines()] if log.exists() else []
        log.unlink(missing_ok=True)
        return seeds

    def files(self, suffix: str) -> list[Path]:
        return sorted((self.cache / "toy_runs").glob(f"*{suffix}"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


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
    monkeypatch.setattr(pool, "_here", None)  # nothing may be started from here on
    monkeypatch.setattr(pool, "_pool", None)
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


def test_numbers_that_are_none_are_stored_as_valid_json(bench: Bench) -> None:
    (record,) = bench.sweep(Toy(1))

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    stored = json.loads(bench.files(".json")[0].read_text(), parse_constant=refuse)
    assert stored["result"]["metrics"]["missing"] == {"$float": "nan"}
    assert record.metrics["bound"] == float("-inf")


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
    assert record.reason.startswith("TypeError: metrics['model']: builtins.object found; expected")


def test_a_run_resumes_from_its_checkpoint_which_then_goes(bench: Bench) -> None:
    assert bench.sweep(Toy(1, "resumes"))[0].status == "failed"
    assert len(bench.files(".checkpoint")) == 1
    assert bench.sweep(Toy(1, "resumes"))[0].metrics == {"resumed_from": 3}
    assert bench.files(".checkpoint") == bench.files(".traceback.txt") == []


def test_force_computes_again_from_the_start(bench: Bench) -> None:
    bench.sweep(Toy(1), Toy(1, "resumes"))
    first, fresh = bench.sweep(Toy(1), Toy(1, "resumes"), force=True)
    assert bench.lines[0] == "0 runs read from the cache, 2 to compute (2 forced)"
    assert (first.status, fresh.status) == (
        "ok",
        "failed",
    )  # the checkpoint of the first attempt was not used
    assert bench.executed() == [1, 1, 1, 1]


def test_a_damaged_entry_is_computed_again_after_one_line(bench: Bench) -> None:
    bench.sweep(Toy(1), Toy(2))
    path = bench.files(".json")[0]
    path.write_bytes(path.read_bytes()[:40])
    records = bench.sweep(Toy(1), Toy(2))
    assert bench.lines[0] == (
        f"cache entry {path.stem[:12]} is not used (it is truncated or not a record of a run); "
        "its run is computed again"
    )
    assert len(bench.lines) == 3
    assert [record.status for record in records] == ["ok", "ok"]
    assert len(bench.executed()) == 3


def test_changed_data_and_config_are_told(bench: Bench) -> None:
    bench.sweep(Toy(1), Toy(2))
    bench.data = replace(bench.data, fingerprint="other")
    bench.sweep(Toy(1), Toy(2), Toy(2, sizes=(7,)))
    assert bench.lines[0] == (
        "0 runs read from the cache, 3 to compute "
        "(2 data changed; 1 config: sizes [3, 5] → [7]; data changed)"
    )


def test_the_key_holds_what_a_result_depends_on(bench: Bench) -> None:
    def parts(**changes: str) -> dict[str, Any]:
        options = {"device": "cpu", "precision": "float32", "initial_weights": "random", **changes}
        return components(toy_runs.run, bench.data, **options)

    assert sorted(parts()) == ["code", "data", "device", "initial_weights", "libraries", "precision", "run"]
    assert sorted(parts()["libraries"]) == ["numpy", "python", "torch"]
    assert {"toy_runs", "papers_lib.sweep.context"} <= set(parts()["code"])
    assert "papers_lib.sweep.core" not in parts()["code"]
    assert parts(device="cuda:1") == parts(device="cuda") != parts()
    assert parts(precision="bfloat16") != parts()
    assert parts(initial_weights="imagenet") != parts()
    moved = replace(bench.data, root=Path("elsewhere"))
    assert components(toy_runs.run, moved, "cpu", "float32", "random") == parts()


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
        ([Objects(len)], "Objects.model: builtins.builtin_function_or_method found"),
        ([Toy(1), Costly(1)], "Costly found among Toy; expected one type"),
    ],
)
def test_configs_of_another_kind_are_refused(bench: Bench, configs: list[Any], said: str) -> None:
    for kind in (Thawed, Unlabelled, Objects):  # found by name, as those of an imported module are
        sys.modules.setdefault(kind.__module__, sys.modules[__name__])
    with pytest.raises(TypeError, match=said):
        bench.sweep(*configs)
    assert bench.executed() == []


def test_a_run_that_no_other_process_could_import_is_refused(bench: Bench) -> None:
    with pytest.raises(TypeError, match="expected a function at the top level"):
        sweep(lambda config, context: {}, [Toy(1)], data=bench.data, cache=bench.cache)


def test_bad_arguments_are_one_line_for_the_user(bench: Bench) -> None:
    with pytest.raises(UserError, match="jobs=-1: expected 0"):
        bench.sweep(Toy(1), jobs=-1)
    bench.cache.write_text("a file")
    with pytest.raises(UserError, match="toy_runs: cannot be made a folder"):
        bench.sweep(Toy(1))


def test_code_that_changed_under_this_process_is_not_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "loaded_before_change", lambda modules, started: ["papers_lib.losses.heatmap"])
    with pytest.raises(UserError, match=r"papers_lib.losses.heatmap changed after this process loaded it"):
        bench.sweep(Toy(1))
    assert bench.executed() == []


def test_no_configs_give_no_records(bench: Bench) -> None:
    assert bench.sweep() == []
