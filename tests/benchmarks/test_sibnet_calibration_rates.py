"""Equal time for every way, from the same network, and a table that the notebook reads."""

import torch

from benchmarks import interleaved
from benchmarks.sibnet_calibration_rates import lines, table
from benchmarks.sibnet_calibration_ways import EXACT, PLAIN, Ways
from papers_lib.files import write_json
from sibnet_calibration import costs

COST = {PLAIN: 1.0, "share 0.5": 2.0, EXACT: 6.0}


def test_every_way_has_the_same_time_and_starts_from_the_same_network(ways, monkeypatch):
    monkeypatch.setattr(Ways, "costs", lambda self, rounds: COST)
    trained = []

    def train(self, run, whole, steps):
        trained.append(
            (run.seed, run.distinct, run.estimator, steps, float(whole.model.linear.weight.sum().detach()))
        )
        with torch.no_grad():
            whole.model.linear.weight += 1
        return steps * 0.5

    monkeypatch.setattr(Ways, "train", train)
    rows = {row["key"]: row for row in table(ways, seeds=2, first_epochs=3, budget=2.0)}
    for seed in (0, 1):
        first, *second = [one for one in trained if one[0] == seed]
        assert first[1:4] == (0.0, "sampled", 6)  # 3 epochs of 2 steps
        # 2 epochs of the exact loss are 4 steps, of cost 6 each
        assert [one[3] * cost for one, cost in zip(second, COST.values(), strict=True)] == [24.0] * 3
        assert len({round(one[4], 3) for one in second}) == 1
        assert second[0][4] > first[4] + 1
    assert (rows["share 0.5"]["step"], rows["share 0.5"]["term"]) == (0.333, 0.2)
    assert rows["share 0.5"]["epochs"] == 6.0
    assert rows["share 0.5"]["seconds"] == 3.0  # 12 steps of half a second over 4
    assert rows[EXACT]["less exact"] == 0
    assert len(rows["before"]["distinctiveness by seed"]) == 2


def test_a_run_goes_from_costs_to_the_table_that_is_read(ways, tmp_path, monkeypatch):
    monkeypatch.setattr(interleaved, "WARM_UP", 0)
    rows = table(ways, seeds=1, first_epochs=0.5, budget=0.5, rounds=1)
    assert [row["key"] for row in rows] == ["before", *COST]
    shown = lines(rows)
    assert [one["key"] for one in shown] == ["before", *COST]
    assert [one["value"] for one in shown] == [row["distinctiveness"] for row in rows]
    assert shown[-1]["ratio"] == 1.0
    path = write_json(tmp_path / "timings.json", {"rows": [], "rates": {"note": "how", "rows": rows}})
    read = costs.rates_table(path)
    assert read["held-out distinctiveness"].tolist() == [row["distinctiveness"] for row in rows]
    assert read["held-out distinctiveness"].between(-0.5, 1).all()
    assert costs.rates_note(path) == "how"
