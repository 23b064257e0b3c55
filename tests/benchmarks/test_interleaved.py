from itertools import pairwise

import pytest
import torch

from benchmarks import interleaved as module
from benchmarks.interleaved import WARM_UP, alternating, interleaved, ratio_rows


@pytest.fixture
def calls(monkeypatch):
    """Ways "a", "b", "c" that take 1, 2 and 4 s on a clock of our own; the names as they run."""
    clock, names = [0.0], []
    monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])
    weight = torch.zeros(1, requires_grad=True)

    def way(name, seconds):
        def loss():
            names.append(name)
            clock[0] += seconds
            return weight.sum()

        return loss

    losses = {name: way(name, seconds) for name, seconds in (("a", 1.0), ("b", 2.0), ("c", 4.0))}
    times = interleaved(losses, torch.optim.SGD([weight], lr=1.0), rounds=30)
    return times, names, weight


def test_every_way_is_timed_once_a_round_and_warm_up_is_left_out(calls):
    times, names, weight = calls
    assert times == {"a": [1.0] * 30, "b": [2.0] * 30, "c": [4.0] * 30}
    rounds = [sorted(names[i : i + 3]) for i in range(0, len(names), 3)]
    assert rounds == [["a", "b", "c"]] * (30 + WARM_UP)
    assert weight.item() == -3 * (
        30 + WARM_UP
    )  # one step of the optimizer each, on that step's gradient alone


def test_a_network_that_is_warm_needs_no_more_rounds(monkeypatch):
    monkeypatch.setattr(module, "WARM_UP", 5)
    seen = []
    times = alternating({"a": lambda: seen.append("a")}, rounds=2, warm_up=0)
    assert (seen, len(times["a"])) == (["a", "a"], 2)


def test_nobody_is_always_after_the_same(calls):
    _, names, _ = calls
    assert {before for before, name in pairwise(names) if name == "c"} == {"a", "b", "c"}


def test_ratio_of_medians_and_quartiles():
    """By hand: medians 2 and 3 s; ratios of rounds 2, 1.5, 1.5, 4 sorted: second 1.5, fourth 4."""
    times = {"a": [1.0, 2.0, 2.0, 2.0], "b": [2.0, 3.0, 3.0, 8.0]}
    plain, other = ratio_rows(times, "a", "net", {"a": "CE", "b": "CE + term"})
    assert plain["ratio to CE"] == 1
    assert other == {
        "key": "b",
        "network": "net",
        "step": "CE + term",
        "median ms": 3000.0,
        "ratio to CE": 1.5,
        "quartiles of the ratio": "1.50 to 4.00",
    }
