import sys
from types import SimpleNamespace

import pytest

from papers_lib.sweep import estimate_costs
from papers_lib.sweep.estimate_costs import Costs, peak_bytes, side_by_side, timed_on


@pytest.mark.parametrize(("platform", "bytes_"), [("linux", 3 * 1024), ("darwin", 3)])
def test_the_unit_is_that_of_the_platform(monkeypatch, platform, bytes_):
    fake = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: SimpleNamespace(ru_maxrss=3))
    monkeypatch.setattr(estimate_costs, "resource", fake)
    monkeypatch.setattr(sys, "platform", platform)
    assert peak_bytes() == bytes_


def test_a_gpu_has_its_own(monkeypatch):
    monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda: 77)
    assert peak_bytes("cuda") == 77
    assert peak_bytes("cpu") > 10**7


def test_sums_of_two_estimates_are_apart():
    Costs().each.append(1.0)
    assert Costs().each == []


def test_runs_on_a_gpu_take_turns_and_the_sentence_names_it(monkeypatch):
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "Large GPU")
    assert [side_by_side(6, device) for device in ("cpu", "cuda")] == [6, 1]
    assert timed_on("cpu") == "GPU hours unknown, none was timed"
    assert timed_on("cuda") == "timed on Large GPU, runs that share it counted one after the other"
