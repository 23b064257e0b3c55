"""Calibration errors: by hand, against netcal in its convention and mirrored into ours, properties, bad input."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from netcal.metrics.confidence.ECE import ECE
from sklearn.metrics import brier_score_loss
from torch import Tensor

from papers_lib.metrics.calibration_error import bins_of, brier, ece, ece_floor, reliability, top_label_ece


def predictions(number: int, labels: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    p = torch.rand(number, labels, generator=generator, dtype=torch.float64)
    return p, (torch.rand(number, labels, generator=generator, dtype=torch.float64) < p**2).long()


def by_netcal(p: Tensor, y: Tensor, bins: int) -> float:
    return float(ECE(bins).measure(p.numpy(), y.numpy()))


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_agrees_with_netcal(bins):
    p, y = predictions(300, 3)
    p[:4] = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64)[:, None]  # the ends lie in the same bins
    for k in range(3):
        assert ece(p, y, bins=bins)[k].item() == pytest.approx(by_netcal(p[:, k], y[:, k], bins), abs=1e-9)


def test_top_label_agrees_with_netcal():
    generator = torch.Generator().manual_seed(1)
    p = (3 * torch.randn(300, 4, generator=generator, dtype=torch.float64)).softmax(1)
    target = torch.randint(4, (300,), generator=generator)
    assert top_label_ece(p, target).item() == pytest.approx(by_netcal(p, target, 15), abs=1e-9)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def binomial_floor(number: int, p: float) -> float:
    """E|successes / number - p|, summed over the binomial distribution."""
    return sum(
        math.comb(number, k) * p**k * (1 - p) ** (number - k) * abs(k / number - p) for k in range(number + 1)
    )


@pytest.mark.parametrize("scheme", ["width", "mass"])
def test_is_the_binomial_expectation(scheme):
    """Predictions of .2 and .7 only, ten of each label in a bin: two binomials, weighed by images."""
    p = torch.cat([torch.full((10, 2), 0.2), torch.full((30, 2), 0.7)]).double()
    found = ece_floor(p, bins=4, scheme=scheme, draws=4000, generator=generator())
    expected = 10 / 40 * binomial_floor(10, 0.2) + 30 / 40 * binomial_floor(30, 0.7)
    assert found.mean.tolist() == pytest.approx([expected, expected], abs=3e-3)
    assert found.mean_over_labels.mean == pytest.approx(expected, abs=2e-3)


def test_the_range_holds_95_percent_of_what_calibrated_labels_score():
    p = torch.rand(60, 3, generator=generator(1), dtype=torch.float64)
    floor = ece_floor(p, draws=1000, generator=generator(2))
    again = generator(3)
    scores = torch.stack(
        [ece(p, (torch.rand(p.shape, generator=again, dtype=torch.float64) < p)) for _ in range(600)]
    )
    inside = (floor.low <= scores) & (scores <= floor.high)
    assert inside.double().mean(0).tolist() == pytest.approx([0.95] * 3, abs=0.03)
    torch.testing.assert_close(floor.mean, scores.mean(0), atol=4e-3, rtol=0)
    over_labels = scores.mean(1)
    inside = (floor.mean_over_labels.low <= over_labels) & (over_labels <= floor.mean_over_labels.high)
    assert inside.double().mean().item() == pytest.approx(0.95, abs=0.03)


def test_score_agrees_with_sklearn():
    generator = torch.Generator().manual_seed(0)
    p = torch.rand(100, 2, generator=generator, dtype=torch.float64)
    y = (torch.rand(100, 2, generator=generator) < 0.3).long()
    expected = [brier_score_loss(y[:, k].numpy(), p[:, k].numpy()) for k in range(2)]
    assert brier(p, y).tolist() == pytest.approx(expected, abs=1e-14)


def test_diagram_by_hand():
    p = torch.tensor([0.1, 0.3, 0.4, 0.9, 0.8, 0.9], dtype=torch.float64)
    found = reliability(p, torch.tensor([0, 0, 1, 1, 1, 0]), bins=5)
    assert found.edges.tolist() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert found.counts.tolist() == [1, 2, 0, 1, 2]  # .4 and .8 lie on their bin's upper edge
    nan = math.nan
    assert found.confidence.tolist() == pytest.approx([0.1, 0.35, nan, 0.8, 0.9], nan_ok=True)
    assert found.frequency.tolist() == pytest.approx([0, 0.5, nan, 1, 0.5], nan_ok=True)


def test_mass_by_hand():
    p = torch.tensor([0.9, 0.1, 0.2, 0.8, 0.3, 0.4, 0.7])
    found = reliability(p, torch.tensor([1, 0, 0, 1, 0, 1, 1]), bins=3, scheme="mass")
    assert found.counts.tolist() == [3, 2, 2]  # ranks up to ceil(7/3) = 3, ceil(14/3) = 5, 7
    assert found.edges.tolist() == pytest.approx([0, 0.3, 0.7, 1])
    assert found.confidence.tolist() == pytest.approx([0.2, 0.55, 0.85])
    assert found.frequency.tolist() == [0, 1, 1]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=25), st.integers(1, 8))
def test_mass_never_splits_ties_and_keeps_the_rule_of_the_edges(values, bins):
    p = torch.tensor(values, dtype=torch.float64)[:, None]
    found = bins_of(p, bins, "mass")
    for value, index in zip(values, found.indices.flatten().tolist(), strict=True):
        low, high = found.edges[0, index].item(), found.edges[0, index + 1].item()
        assert low < value <= high or (index == 0 and low <= value <= high)
    assert len({(v, i) for v, i in zip(values, found.indices.flatten().tolist(), strict=True)}) == len(
        set(values)
    )
