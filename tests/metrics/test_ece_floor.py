"""The floor: exact binomial expectations, the report's 200 images, its range, its generator."""

import math

import pytest
import torch

from papers_lib.metrics.calibration_error import CHUNK, ece, ece_floor


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


def test_generator_decides_and_memory_is_bounded_by_pieces():
    p = torch.rand(7, 2, generator=generator())
    one, same, other = (ece_floor(p, draws=20, generator=generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(one.mean, same.mean)
    assert one.mean_over_labels == same.mean_over_labels
    assert not torch.equal(one.mean, other.mean)
    single = ece_floor(p, draws=1, generator=generator())
    assert single.low.tolist() == single.mean.tolist() == single.high.tolist()
    state = torch.get_rng_state()
    large = ece_floor(
        torch.full((CHUNK // 4, 1), 0.5), bins=2, draws=6, generator=generator()
    )  # 4 draws, then 2
    assert 0 < large.low.item() <= large.mean.item() <= large.high.item() < 0.01
    assert torch.equal(state, torch.get_rng_state())
