import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cam_entropy import measures
from cam_entropy.experiment import EntropyRun, build
from cam_entropy.measures import (
    Measured,
    classification,
    curve_point,
    explain,
    live_means,
    measure,
    one_item_a_picture,
    sharpness,
    step_sharpness,
)
from cam_entropy.split import Split, batch_of, open_split
from papers_lib.cams import grad_cam, head_gradients

TWO = torch.tensor([[2.0, 2.0], [0.0, -1.0]])  # two equal cells live: M = 2 2 0 0
ALL = torch.tensor([[1.0, 1.0], [1.0, 3.0]])
DEAD = torch.tensor([[-1.0, -2.0], [0.0, -1.0]])


@pytest.fixture(scope="module")
def test_split(opened):
    return open_split(opened.root, "test", "test_resnet", "random", "", "cpu")


@pytest.fixture
def measured(test_split):
    """A model whose maps are partly dead, and the data."""
    config = EntropyRun(seed=1, beta=0.0, backbone="test_resnet", weights="random", train_from="")
    return Measured(build(config, len(test_split.crops.names), "cpu"), test_split, "cpu")


def test_sharpness_of_two_maps_by_hand():
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


def test_the_area_is_that_of_numpy_s_covariance():
    weights = ALL.numpy().ravel()
    covariance = np.cov(np.indices((2, 2)).reshape(2, -1), aweights=weights, bias=True)
    found = sharpness(torch.stack([ALL, DEAD]))["ca"]
    assert found == pytest.approx(math.sqrt(np.linalg.det(covariance)))


def test_where_every_map_is_dead_nothing_is_sharp():
    found = sharpness(DEAD.repeat(3, 1, 1))
    assert found.pop("dead_share") == 1
    # Taken for uniform, and 1 + M is uniform: 2 x 2 cells, variance 1/4 a side
    uniform = {"ce": math.log(4), "ce_norm": 1.0, "ca": 0.25, "cd": 0.0, "cv": 0.0}
    for name, value in uniform.items():
        for kind in ("all", "lifted"):
            assert found.pop(f"{name}_{kind}") == pytest.approx(value, abs=1e-12)
    assert found.pop("relative_difference_lifted") == 0
    assert all(math.isnan(value) for value in found.values()), found


def test_measures_of_one_plus_m_by_hand():
    found = sharpness(torch.stack([torch.tensor([[3.0, -1.0], [-1.0, -1.0]]), DEAD]))
    # 1 + M is 4, 1, 1, 1 and 1, 1, 1, 1: mean 7/4, variance (81 + 3 x 9) / 64
    assert found["relative_difference_lifted"] == pytest.approx((3 + 0) / 2)
    assert found["cd_lifted"] == pytest.approx((108 / 64) / (7 / 4) ** 2 / 2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_means_over_live_maps_from_sums_over_batches_of_any_size(seed, sizes):
    """As the training loop does it: averages of batches, weighted by their size, then divided by the live share."""
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(sum(sizes), 3, 4, generator=generator)
    maps[torch.rand(len(maps), generator=generator) < 0.4] *= 0
    epoch: dict[str, float] = {}
    for batch in maps.split(sizes):
        for name, value in step_sharpness(batch).items():
            epoch[name] = epoch.get(name, 0.0) + float(value) * len(batch) / len(maps)
    live = [one for one in maps if one.max() > 0]
    assert epoch["dead_share"] == pytest.approx(1 - len(live) / len(maps), abs=1e-6)
    found = live_means(epoch)
    assert set(found) == {"ce", "ca", "cd", "cv"}
    for name, value in found.items():
        alone = [float(measures.MEASURES[name](one.double())) for one in live]
        if live:
            assert value == pytest.approx(sum(alone) / len(alone), rel=1e-4, abs=1e-5)


def test_means_over_no_live_map_are_nan_and_the_sums_stay_finite():
    sums = {name: float(value) for name, value in step_sharpness(DEAD[None]).items()}
    assert all(math.isfinite(value) for value in sums.values())  # the loop takes NaN for divergence
    assert all(math.isnan(value) for value in live_means(sums).values())


def test_classification_by_hand():
    logits = torch.tensor([[2.0, 0.0, -1.0], [3.0, 1.0, 0.0], [0.0, 0.0, 5.0], [9.0, 0.0, 0.0]])
    found = classification(logits, torch.tensor([0, 0, 2, 2]))  # class 1 has no item
    probabilities = [
        math.exp(2) / (math.exp(2) + 1 + math.exp(-1)),
        math.exp(3) / (math.exp(3) + math.exp(1) + 1),
        math.exp(5) / (math.exp(5) + 2),
        1 / (math.exp(9) + 2),
    ]
    assert found == pytest.approx(
        {
            "test_accuracy": 0.75,
            "balanced_accuracy": (1 + 0.5) / 2,
            "true_probability": sum(probabilities) / 4,
            "max_logit": (2 + 3 + 5 + 9) / 4,
            "min_logit": -0.25,
            "predicted_classes": 2,
        }
    )
    assert classification(logits[:3], torch.tensor([0, 0, 2]))["balanced_accuracy"] == 1


def test_maps_are_those_of_the_true_class_by_automatic_differentiation(measured, monkeypatch):
    monkeypatch.setattr(measures, "BATCH", 5)  # twelve items: batches of four
    items = np.arange(len(measured.data.crops))[::-1].copy()
    found = explain(measured, items)
    model = measured.model.eval()
    activations = model.features(batch_of(measured.data.inputs, items, "cpu")).detach()
    every = []
    for target in range(10):
        logits, gradients = head_gradients(
            model.head, activations, torch.full((len(items),), target), create_graph=False
        )
        every.append(grad_cam(activations, gradients))
    maps = torch.stack(every, 1).detach()
    classes = torch.from_numpy(measured.data.crops.classes[items])
    torch.testing.assert_close(found.logits, logits.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.maps, maps[torch.arange(len(items)), classes], rtol=1e-4, atol=1e-6)
    mass = maps.relu().sum((-2, -1))
    for row, kind in enumerate(classes.tolist()):
        own = float(mass[row, kind])
        others = [float(mass[row, k]) for k in range(10) if k != kind]
        if own > 1e-5:
            assert float(found.others[row]) == pytest.approx(sum(others) / 9 / own, rel=1e-3)
        else:
            assert not math.isfinite(float(found.others[row]))


def test_looking_leaves_the_model_s_statistics_and_makes_no_graph(measured):
    measured.model.train()
    before = {name: value.clone() for name, value in measured.model.state_dict().items()}
    found = explain(measured, np.arange(4))
    assert not found.maps.requires_grad
    after = measured.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_one_item_a_picture_is_the_same_for_every_model_and_one_of_the_picture_s(test_split):
    items = one_item_a_picture(test_split)
    assert test_split.crops.image[items].tolist() == list(range(len(test_split.crops.pictures)))
    assert items.tolist() == one_item_a_picture(test_split).tolist()


def test_every_box_of_a_picture_can_be_the_one():
    image = np.repeat(np.arange(400), 3)
    crops = SimpleNamespace(boxes_of_image=lambda: (np.arange(400) * 3, np.bincount(image)))
    chosen = one_item_a_picture(SimpleNamespace(crops=crops)) % 3
    assert (np.bincount(chosen, minlength=3) > 400 / 3 - 4 * math.sqrt(400 * 2 / 9)).all()


def test_a_point_of_the_curves_agrees_with_the_final_measures_on_the_same_items(measured):
    items = one_item_a_picture(measured.data)
    point = curve_point(measured, items)
    found = explain(measured, items)
    final = sharpness(found.maps)
    for name in ("ce", "ca", "cd", "cv", "dead_share"):
        assert point[f"test_{name}"] == pytest.approx(final[name], rel=1e-4, nan_ok=True), name
    classes = measured.data.crops.classes[items]
    assert point["test_accuracy"] == np.mean(found.logits.argmax(1).numpy() == classes)


class Colours(nn.Module):
    """Features are 2 x 2 means of red and green; logits and maps of class 0 are red's, of class 1 green's."""

    def __init__(self):
        super().__init__()
        self.features = nn.AdaptiveAvgPool2d(2)
        first, last = nn.Linear(3, 3, bias=False), nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            first.weight.copy_(torch.eye(3))
            last.weight.copy_(torch.tensor([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0]]))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), first, nn.ReLU(), last)

    def forward(self, images):
        return self.head(self.features(images))


def test_everything_about_a_model_made_by_hand(hand_split):
    crops = hand_split([0, 1, 1])
    crops.images[0, :32, :32, 0] = 255  # red top left, class 0
    crops.images[1, 32:, 32:, 1] = 255  # green bottom right, class 1
    crops.images[2, :, :, 0] = 255  # red, but class 1: its map is dead
    crops.has_mask[:2] = True
    crops.masks[0, :48, :48] = True
    crops.masks[1, :48, :48] = True  # where the second map is not
    test = Measured(Colours(), Split(crops, crops.images, None), "cpu")
    metrics, arrays = measure(test, None, np.array([1, 2]), np.array([0, 2]))
    assert metrics["test_accuracy"] == pytest.approx(2 / 3)
    assert metrics["dead_share"] == pytest.approx(1 / 3)
    assert metrics["ce"] == 0  # a single hot cell each
    assert metrics["others_heat"] == 0
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


def test_no_deletion_where_none_is_asked_for(measured):
    metrics, _ = measure(measured, None, np.arange(3), np.arange(0))
    assert math.isnan(metrics["deletion_area"])
    assert math.isnan(metrics["deletion_gain"])
