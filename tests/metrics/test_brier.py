"""Brier score: sklearn's value, parts worked by hand, parts that add up exactly, shares for labels."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from papers_lib.metrics.calibration_error import brier


def test_parts_by_hand():
    """Two bins, predictions equal inside each: .25 with 1 positive of 4, and .75 with 4 of 4."""
    p = torch.tensor([[0.25]] * 4 + [[0.75]] * 4)
    y = torch.tensor([[1], [0], [0], [0], [1], [1], [1], [1]])
    found = brier(p, y, bins=2)
    assert found.reliability.item() == 0.5 * 0.25**2  # only the second is wrong, by .25
    assert found.resolution.item() == 0.5 * (0.25 - 0.625) ** 2 + 0.5 * (1 - 0.625) ** 2
    assert found.uncertainty.item() == 0.625 * 0.375
    assert found.within.item() == 0  # nothing varies within a bin
    assert found.score.item() == (0.75**2 + 7 * 0.25**2) / 8


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 100),
    st.integers(1, 40),
    st.integers(1, 20),
    st.sampled_from(["width", "mass"]),
    st.booleans(),
)
def test_the_parts_add_up_exactly(seed, number, bins, scheme, shares):
    generator = torch.Generator().manual_seed(seed)
    p = torch.rand(number, 3, generator=generator, dtype=torch.float64)
    p[0] = torch.tensor([0.0, 1.0, 0.5])
    y = torch.rand(number, 3, generator=generator, dtype=torch.float64)
    y = y if shares else y.round()
    found = brier(p, y, bins=bins, scheme=scheme)
    total = found.reliability - found.resolution + found.uncertainty + found.within
    torch.testing.assert_close(total, found.score, atol=1e-12, rtol=0)
    for part in (found.reliability, found.resolution, found.uncertainty):
        assert bool((part >= 0).all())
    assert bool((found.resolution <= found.uncertainty + 1e-12).all())


def test_score_agrees_with_sklearn():
    generator = torch.Generator().manual_seed(0)
    p = torch.rand(100, 2, generator=generator, dtype=torch.float64)
    y = (torch.rand(100, 2, generator=generator) < 0.3).long()
    expected = [brier_score_loss(y[:, k].numpy(), p[:, k].numpy()) for k in range(2)]
    assert brier(p, y).score.tolist() == pytest.approx(expected, abs=1e-14)
