"""The plain loop that lockstep is timed against finds the same steps, with as many passes."""

import pytest

from benchmarks import interleaved, masked_out
from benchmarks.masked_out import LABELS, Pairs, table
from papers_lib.metrics.masked_out import FLIPPED


@pytest.fixture(scope="module")
def pairs():
    return Pairs(6, side=64)


def test_lockstep_takes_the_passes_of_the_plain_loop(pairs):
    seen = []
    handle = pairs.model.register_forward_hook(lambda module, given, out: seen.append(len(given[0])))
    plain = pairs.plain()
    handle.remove()
    lockstep = pairs.lockstep()
    assert (lockstep.status == FLIPPED).all()
    assert plain == lockstep.step.tolist()
    assert len(set(plain)) > 1
    assert seen == [1] * lockstep.passes
    assert lockstep.calls < lockstep.passes < lockstep.all_levels


def test_rows_say_what_was_timed(monkeypatch):
    monkeypatch.setattr(interleaved, "WARM_UP", 0)
    monkeypatch.setattr(masked_out, "LEVEL", 0.1)
    rows = table(rounds=1, pairs=3, side=64)
    assert [row["key"] for row in rows] == [f"masked_{name}" for name in LABELS]
    plain, lockstep = rows
    assert (plain["ratio"], lockstep["over"], lockstep["size"]) == (1.0, LABELS["plain"], "3 pairs, 64 px")
    assert plain["passes"] == lockstep["passes"] == plain["calls"] > lockstep["calls"]
    assert all(row["median ms"] > 0 for row in rows)
