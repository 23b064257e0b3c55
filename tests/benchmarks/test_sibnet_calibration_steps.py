"""The timed ways are the losses that they are called, and their table is what the page and the notebook read."""

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks import interleaved, sibnet_calibration_coherence
from benchmarks.sibnet_calibration_steps import DISTINCT, LABELS, MIMO, SHARES, Several, Steps, table
from papers_lib.files import write_json
from sibnet_calibration import costs

SMALL = {"backbone": "efficientnet_lite0", "last_stage": "blocks_1", "side": 32, "batch": 4}


@pytest.fixture(scope="module")
def steps():
    """Running statistics stay, so that ways after one another encode alike."""
    made = Steps(**SMALL)
    for layer in made.model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.0
    return made


def gradient(steps, name):
    found = torch.autograd.grad(steps.losses[name](), list(steps.model.parameters()), materialize_grads=True)
    return torch.cat([one.flatten() for one in found])


def test_the_two_ways_of_the_gradient_add_up_to_the_exact_one(steps):
    plain, exact, maps, encoder = (gradient(steps, name) for name in ("plain", "exact", "maps", "encoder"))
    assert min((maps - plain).abs().max(), (encoder - plain).abs().max()) > 1e-5
    torch.testing.assert_close((maps - plain) + (encoder - plain), exact - plain, rtol=1e-3, atol=1e-5)


def test_noise_that_is_not_encoded_teaches_nothing(steps):
    assert torch.equal(gradient(steps, "random"), gradient(steps, "plain"))
    assert not torch.equal(gradient(steps, "random_encoded"), gradient(steps, "plain"))


def test_how_many_maps_each_way_encodes(steps, monkeypatch):
    seen = []
    features = steps.model.features
    handle = features.register_forward_hook(lambda module, given, out: seen.append(len(given[0])))
    passes = {}
    for name, loss in steps.losses.items():
        seen.clear()
        loss()
        passes[name] = seen[1:]
    handle.remove()
    encoding = ("exact", "maps", "encoder", "random_encoded", "both")
    assert passes == {
        **{name: [] for name in LABELS},
        **{name: [4 * 5] for name in encoding},
        "share_1": [8],
        "share_1_2": [4],
        "share_1_4": [2],
    }


def test_the_whole_loss_is_the_sum_of_its_terms(steps):
    value = {name: float(loss().detach()) for name, loss in steps.losses.items()}
    assert value["both"] == pytest.approx(value["exact"] + value["coherence"] - value["plain"], rel=1e-4)
    assert value["plain"] < value["share_1"] <= value["plain"] + DISTINCT + 1e-5
    assert set(value) == set(LABELS)


def test_a_mimo_step_has_as_many_rows_and_pairs_of_images():
    several = Several(batch=8, side=32)
    seen = []
    for model in (several.plain, several.wide):
        model.features.register_forward_hook(lambda module, given, out: seen.append(given[0].shape[:2]))
    several.one(), several.two()
    assert seen == [(8, 3), (8, 6)]
    torch.testing.assert_close(
        several.one(), binary_cross_entropy_with_logits(several.plain(several.x), several.y)
    )


def test_the_table_is_what_the_page_and_the_notebook_read(tmp_path, monkeypatch):
    monkeypatch.setattr(interleaved, "WARM_UP", 0)
    tiny = {**SMALL, "batch": 2}
    rows = table(
        rounds=1,
        whole_rounds=1,
        mimo_rounds=1,
        several={"batch": 4, "side": 32},
        variance=tiny,
        **SMALL,
    )
    keys = [row["key"] for row in rows]
    assert keys == [*LABELS, *MIMO]
    assert all(row["median ms"] > 0 and row["ratio"] > 0 for row in rows)
    assert {row["key"] for row in rows if "variance" in row} == set(SHARES)
    loops = sibnet_calibration_coherence.table(rounds=1)
    path = write_json(tmp_path / "sibnet_calibration.timings.json", {"rows": rows + loops})
    found = costs.read(path)
    assert set(found) == set(costs.NAMES)
    assert all(value == value for value in found.values())
    by_key = {row["key"]: row for row in rows}
    assert found["step_ratio_exact"] == by_key["exact"]["ratio"]
    assert len(costs.steps_table(found)) == len(costs.STEPS) + 1
    assert len(costs.coherence_table(found)) == len(costs.SIDES) * len(costs.COUNTS)
