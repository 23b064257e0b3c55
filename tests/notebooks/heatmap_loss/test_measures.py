import pytest
import torch
from torch import nn

from heatmap_loss.measures import Samples, class_mean, measure


class TopLeft(nn.Module):
    """Looks at one quadrant of a 2 x 2 map: features are block means + 1, logits (top-left mean, constant)."""

    def features(self, x):
        return nn.functional.avg_pool2d(x + 1, 4)

    def head(self, a):
        return torch.stack([a[:, 0, 0, 0], torch.full_like(a[:, 0, 0, 0], 0.1)], dim=1)

    def forward(self, x):
        return self.head(self.features(x))


@pytest.fixture
def split():
    images = torch.full((2, 1, 8, 8), -1.0)
    images[0, 0, :4, :4] = 1.0  # bright top left: class 0; the other is black: class 1
    heart = torch.zeros(2, 8, 8, dtype=torch.bool)
    heart[:, :, :4] = True
    label = torch.zeros_like(heart)
    label[:, 7, 7] = True
    return Samples(images, torch.tensor([0, 1]), heart, label, images.flip(0), {})


def test_measures_of_a_model_made_by_hand(split):
    metrics, maps = measure(TopLeft(), split)
    assert metrics["test_accuracy"] == 1.0
    # Image 0: all heat in the top left cell, A = 2, G = 1. Image 1 predicts the constant: gradient 0, a dead map.
    assert maps[0].tolist() == [[2.0, 0.0], [0.0, 0.0]]
    assert metrics["dead_share"] == 0.5
    assert (
        metrics["heart_share"] != metrics["heart_share"]
    )  # class 1 has no live map: NaN, the authors' filter
    assert (metrics["toggle_flips"], metrics["toggle_accuracy"]) == (1.0, 0.0)
    # Erasing the heart makes image 0 black; erasing the rest changes nothing.
    assert metrics["erase_outside_change"] == 0.0
    assert metrics["only_heart_accuracy"] == 1.0
    spread = (torch.tensor([2.0, 0.0]).std() + 0) / 2  # of the two logits, the second is constant
    assert metrics["erase_heart_change"] == pytest.approx(float(2.0 / 4 / spread))  # one of four moves by 2


def test_class_mean_averages_classes_and_leaves_dead_maps_out():
    values = torch.tensor([0.2, 0.4, float("nan"), 0.9])
    assert class_mean(values, torch.tensor([0, 0, 1, 1])) == pytest.approx((0.3 + 0.9) / 2)
    dead = torch.tensor([0, 0, 1, 0])
    assert class_mean(values, dead, dead_classes=False) == pytest.approx(0.5)
    assert class_mean(values, dead) != class_mean(values, dead)
