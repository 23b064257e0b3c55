"""Isotonic calibration: by hand, against scikit-learn to 1e-12, order, ties, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.isotonic import IsotonicRegression

from papers_lib.metrics.calibration_error import ece
from papers_lib.metrics.isotonic import fit_isotonic

SCORES = npst.arrays(np.float64, (15, 2), elements=st.integers(-6, 6).map(lambda value: value / 4))
SHARES = npst.arrays(np.float64, (15, 2), elements=st.sampled_from([0.0, 1.0, 0.25, 0.7]))


def test_by_hand():
    """Labels 0 | 1 0 0 | 1 | 1 0: pooled to 0, 1/3, then 1 with 1 0 to 2/3."""
    z = torch.tensor([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0])[:, None]
    found = fit_isotonic(z, torch.tensor([0, 1, 0, 0, 1, 1, 0])[:, None])
    assert found.values[0].tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3])
    p = found.probabilities(torch.tensor([[-9.0], [-2.5], [-1.5], [0.5], [9.0]]))
    assert p.flatten().tolist() == pytest.approx([0, 1 / 6, 1 / 3, 1 / 2, 2 / 3])


@settings(deadline=None, max_examples=50)
@given(SCORES, SHARES, npst.arrays(np.float64, (9, 2), elements=st.floats(-3, 3)))
def test_agrees_with_scikit_learn(z, y, new):
    found = fit_isotonic(torch.from_numpy(z), torch.from_numpy(y))
    for k in range(2):
        reference = IsotonicRegression(out_of_bounds="clip").fit(z[:, k], y[:, k])
        for scores in (z, new):
            ours = found.probabilities(torch.from_numpy(scores))[:, k].numpy()
            np.testing.assert_allclose(ours, reference.predict(scores[:, k]), atol=1e-12, rtol=0)


@settings(deadline=None, max_examples=50)
@given(SCORES, SHARES)
def test_rises_within_0_and_1_and_keeps_the_mean(z, y):
    z, y = torch.from_numpy(z), torch.from_numpy(y)
    p = fit_isotonic(z, y).probabilities(z)
    assert bool(((p >= 0) & (p <= 1)).all())
    torch.testing.assert_close(p.mean(0), y.mean(0))
    for k in range(2):
        assert bool((p[z[:, k].argsort(), k].diff() >= 0).all())


def test_on_its_own_images_it_looks_perfect_and_on_others_not():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(100, 1, generator=generator)
    y = (torch.rand(100, 1, generator=generator) < 0.5).long()
    found = fit_isotonic(z, y)
    assert ece(found.probabilities(z), y).item() == pytest.approx(0, abs=1e-12)
    assert ece(found.probabilities(z), torch.full((100, 1), 0.5)).item() > 0.05


def test_probabilities_and_logits_give_the_same_fit():
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(50, 2, generator=generator, dtype=torch.float64)
    y = (torch.rand(50, 2, generator=generator) < 0.4).long()
    by_logits, by_probabilities = fit_isotonic(z, y), fit_isotonic(z.sigmoid(), y)
    for k in range(2):
        assert torch.equal(by_logits.values[k], by_probabilities.values[k])


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_constant_scores_one_label_and_half_precision(dtype):
    z = torch.tensor([[0.5, 0.0], [0.5, 1.0], [0.5, 1.0]], dtype=dtype, requires_grad=True)
    found = fit_isotonic(z, torch.tensor([[1, 0], [0, 0], [0, 0]]))
    assert found.probabilities(z).flatten().tolist() == pytest.approx([1 / 3, 0] * 3)
    assert found.probabilities(torch.tensor([[-torch.inf, torch.inf]])).flatten().tolist() == pytest.approx(
        [1 / 3, 0]
    )


def test_bad_input():
    with pytest.raises(ValueError, match="scores: 1 of 2 are not finite"):
        fit_isotonic(torch.tensor([[1.0, torch.inf]]), torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"expected scores and labels \(N, K\), got \(2,\) and \(2,\)"):
        fit_isotonic(torch.rand(2), torch.zeros(2))
    found = fit_isotonic(torch.rand(3, 2), torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"scores: expected \(N, 2\), got \(3, 1\)"):
        found.probabilities(torch.rand(3, 1))
    with pytest.raises(ValueError, match="scores: 1 of 2 are NaN"):
        found.probabilities(torch.tensor([[torch.nan, 0.0]]))
