"""The rate is that of a sweep that computes every model, whatever was computed before."""

import os
from types import SimpleNamespace

import pytest

from benchmarks import models_an_hour as module
from benchmarks.models_an_hour import rate, table
from benchmarks.small_works import WORKS, Work
from papers_lib.errors import UserError
from papers_lib.sweep.core import DataRef
from tests.sweep.toy_runs import Toy, run


@pytest.fixture
def work(tmp_path):
    return Work("a toy", "net", "3 epochs", run, Toy(seed=0), DataRef(tmp_path, "0", "stand-in"))


def runs(work):
    """Seed and process of every run so far."""
    return [tuple(map(int, one.split())) for one in (work.data.root / "log").read_text().splitlines()]


def test_every_model_is_computed_every_time(work, monkeypatch):
    clock = iter([10.0, 16.0, 20.0, 22.0])
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    assert rate(work, 1, 3, "cpu") == 1800.0  # 3 models in 6 s
    assert rate(work, 1, 3, "cpu") == 5400.0
    assert runs(work) == [(seed, os.getpid()) for seed in (0, 1, 2)] * 2


def test_processes_are_started_anew(work):
    for _ in range(2):
        assert rate(work, 2, 2, "cpu") > 0
    assert not {pid for _, pid in runs(work)[:2]} & {pid for _, pid in runs(work)[2:]}
    assert os.getpid() not in {pid for _, pid in runs(work)}


def test_a_model_that_fails_is_no_model(work):
    broken = Work("a toy", "net", "", run, Toy(seed=0, behaviour="error"), work.data)
    with pytest.raises(UserError, match=r"toy error 0: failed \(ValueError.*expected a result"):
        rate(broken, 1, 1, "cpu")


def test_a_row_a_number_of_processes_with_a_model_each_at_least(work, monkeypatch):
    asked = []

    def rate(work, processes, models, device):
        asked.append((processes, models))
        return 100.0 * processes

    monkeypatch.setattr(module, "rate", rate)
    monkeypatch.setattr(module, "cores", lambda: 8)
    monkeypatch.setitem(WORKS, "pylon", lambda parameters, folder, device: work)
    rows = table(slugs=["pylon"])
    assert asked == [(1, 4), (2, 4), (8, 8)]
    assert [(row["value"], row["ratio"]) for row in rows] == [(100.0, 1.0), (200.0, 2.0), (800.0, 8.0)]
    assert rows[0]["step"] == "a toy; 1 process"
    assert rows[2] | {"key": ""} == {
        "key": "",
        "step": "a toy; 8 processes",
        "network": "net",
        "size": "8 models, 3 epochs",
        "value": 800.0,
        "unit": "models an hour",
        "ratio": 8.0,
        "over": "one process",
    }
