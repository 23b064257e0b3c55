import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cam_entropy import measures
from cam_entropy.data import Split
from cam_entropy.measures import (
    Measured,
    measure,
    sharpness,
    step_sharpness,
)

TWO = torch.tensor([[2.0, 2.0], [0.0, -1.0]])  # two equal cells live: M = 2 2 0 0
ALL = torch.tensor([[1.0, 1.0], [1.0, 3.0]])
DEAD = torch.tensor([[-1.0, -2.0], [0.0, -1.0]])


def test_sharpness_by_hand():
    found = sharpness(torch.stack([TWO, ALL, DEAD]))
    entropy = (math.log(2), -3 / 6 * math.log(1 / 6) - 3 / 6 * math.log(3 / 6))
    expected = {
        "ce": sum(entropy) / 2,
        "ce_norm": sum(entropy) / 2 / math.log(4),
        "ce_norm_all": (sum(entropy) / math.log(4) + 1) / 3,  # the dead one counts as uniform
        "cd": (1 + 1 / 3) / 2,  # means 1 and 1.5, variances 1 and .75
        "cv": (1 + math.sqrt(1 / 3)) / 2,
        "dead_share": 1 / 3,
        "max_map": 2.5,
        "min_map": 0.5,
        "spread": (2 / 1 + 2 / 1.5) / 2,
        "without_zero_share": 0.5,
        "relative_difference": 2.0,  # of the second map alone: the first has a zero cell
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    covariance = np.cov(np.indices((2, 2)).reshape(2, -1), aweights=ALL.numpy().ravel(), bias=True)
    area = sharpness(torch.stack([ALL, DEAD]))["ca"]
    assert area == pytest.approx(math.sqrt(np.linalg.det(covariance)))
    # 1 + M is 4, 1, 1, 1 and 1, 1, 1, 1: mean 7/4, variance (81 + 3 x 9) / 64
    lifted = sharpness(torch.stack([torch.tensor([[3.0, -1.0], [-1.0, -1.0]]), DEAD]))
    assert lifted["relative_difference_lifted"] == pytest.approx((3 + 0) / 2)
    assert lifted["cd_lifted"] == pytest.approx((108 / 64) / (7 / 4) ** 2 / 2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_means_over_live_maps_from_sums_over_batches_of_any_size(seed, sizes):
    """As the training loop does it: averages of batches, weighted by their size, then divided by the live share."""
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(sum(sizes), 3, 4, generator=generator, dtype=torch.float64)
    maps[torch.rand(len(maps), generator=generator) < 0.4] *= 0
    epoch: dict[str, float] = {}
    for batch in maps.split(sizes):
        for name, value in step_sharpness(batch).items():
            epoch[name] = epoch.get(name, 0.0) + float(value) * len(batch) / len(maps)
    live = [one for one in maps if one.max() > 0]
    assert epoch["dead_share"] == pytest.approx(1 - len(live) / len(maps), abs=1e-6)
    for name in ("ce", "ca", "cd", "cv") if live else ():
        alone = [float(measures.MEASURES[name](one)) for one in live]
        mean = epoch[f"live_{name}"] / (1 - epoch["dead_share"])
        assert mean == pytest.approx(sum(alone) / len(alone), rel=1e-5)


def test_everything_about_a_model_made_by_hand(hand_split, colours):
    crops = hand_split([0, 1, 1])
    crops.images[0, :32, :32, 0] = 255  # red top left, class 0
    crops.images[1, 32:, 32:, 1] = 255  # green bottom right, class 1
    crops.images[2, :, :, 0] = 255  # red, but class 1: its map is dead
    crops.has_mask[:2] = True
    crops.masks[0, :48, :48] = True
    crops.masks[1, :48, :48] = True  # where the second map is not
    model = colours(2, [[4.0, 0.0, 0.0], [0.0, 4.0, 0.0]])
    test = Measured(model, Split(crops, crops.images, None), "cpu")
    metrics, arrays = measure(test, None, np.array([1, 2]), np.array([0, 2]))
    assert metrics["test_accuracy"] == pytest.approx(2 / 3)
    assert metrics["dead_share"] == pytest.approx(1 / 3)
    assert metrics["ce"] == metrics["others_heat"] == 0  # a single hot cell each
    assert (metrics["dead_accuracy"], metrics["live_accuracy"], metrics["dead_logit"]) == (0, 1, 0)
    assert metrics["object_pointing"] == 0.5
    # A cell of two, enlarged: 7/8 of its heat on its own half, 1/8 on the other, in rows and in columns
    assert metrics["object_mass"] == pytest.approx(((7 / 8) ** 2 + (1 / 8) ** 2) / 2)
    assert math.isnan(metrics["part_mass"])
    assert math.isnan(metrics["scene_pointing"])
    # Of items 0 and 2 only the first has a live map; its hot cell is all there is to delete.
    assert metrics["deletion_gain"] > 0
    assert arrays["items"].tolist() == [1, 2]
    # 4 times the weight, mean over 4 cells: the map is the activation, 1 in the green quarter
    assert arrays["maps"].tolist() == [[[0, 0], [0, 1]], [[0, 0], [0, 0]]]
    assert arrays["logits"].tolist() == [[0, 1], [4, 0]]
    without, _ = measure(test, None, np.arange(1), np.arange(0))
    assert math.isnan(without["deletion_gain"])
