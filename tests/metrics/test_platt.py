"""Platt scaling: by hand, against scikit-learn with and without smoothing, zero gradient, degenerate labels."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.calibration import _SigmoidCalibration
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from papers_lib.metrics import calibration
from papers_lib.metrics.calibration import fit_platt


def test_by_hand_without_smoothing():
    """Two logits: the fit meets both shares, sigmoid(b) = 1/4 at 0 and sigmoid(2a + b) = 2/3 at 2."""
    z = torch.tensor([0.0] * 4 + [2.0] * 3)[:, None]
    y = torch.tensor([1, 0, 0, 0, 1, 1, 0])[:, None]
    found = fit_platt(z, y, smooth=False)
    assert found.offset.item() == pytest.approx(-math.log(3))
    assert found.slope.item() == pytest.approx((math.log(2) + math.log(3)) / 2)
    assert found.probabilities(z)[[0, -1], 0].tolist() == pytest.approx([1 / 4, 2 / 3])


def multi_label(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(300, 3, generator=generator, dtype=torch.float64)
    true = z * torch.tensor([2.0, 0.5, 1.0]) + torch.tensor([-2.0, 0.0, 1.0])
    return z, (torch.rand(300, 3, generator=generator, dtype=torch.float64) < true.sigmoid()).long()


def test_agrees_with_scikit_learn():
    z, y = multi_label()
    found, plain = fit_platt(z, y), fit_platt(z, y, smooth=False)
    for k in range(3):
        reference = _SigmoidCalibration().fit(z[:, k].numpy(), y[:, k].numpy())
        assert found.slope[k].item() == pytest.approx(-reference.a_, rel=1e-5)
        assert found.offset[k].item() == pytest.approx(-reference.b_, abs=1e-5)
        regression = LogisticRegression(C=np.inf, tol=1e-10).fit(z[:, k : k + 1].numpy(), y[:, k].numpy())
        assert plain.slope[k].item() == pytest.approx(regression.coef_.item(), rel=1e-5)
        assert plain.offset[k].item() == pytest.approx(regression.intercept_.item(), abs=1e-5)


def test_by_hand_with_smoothing():
    """Separable, 2 positives and 3 negatives: they count as 3/4 and 1/5."""
    z = torch.tensor([[-1.0], [-1.0], [-1.0], [1.0], [1.0]])
    p = fit_platt(z, torch.tensor([[0], [0], [0], [1], [1]])).probabilities(z)
    assert p.flatten().tolist() == pytest.approx([1 / 5] * 3 + [3 / 4] * 2)


@settings(deadline=None, max_examples=50)
@given(
    npst.arrays(np.float64, 10, elements=st.floats(-1000, 1000, width=16)),
    npst.arrays(np.int64, 10, elements=st.integers(0, 1)),
)
def test_the_gradient_vanishes_at_the_fit(z, y):
    """Smoothed, every case has an answer: constant logits, one label, outliers, separable."""
    z, y = torch.from_numpy(z)[:, None], torch.from_numpy(y)[:, None]
    assert largest_gradient(z, y) == pytest.approx(0, abs=1e-8)


def largest_gradient(z: Tensor, y: Tensor) -> float:
    """Of the likelihood of Platt's targets, along the offset and along the slope, for logits scaled to [0, 1]."""
    off = fit_platt(z, y).probabilities(z) - smoothed(y)
    scaled = (z - z.min()) / (z.max() - z.min()).clamp(min=1e-300)
    return max(abs(off.sum().item()), abs((off * scaled).sum().item()))


def smoothed(y: Tensor) -> Tensor:
    positives, negatives = int((y == 1).sum()), int((y == 0).sum())
    high, low = (positives + 1) / (positives + 2), 1 / (negatives + 2)
    return low + (high - low) * y.double()


def test_degenerate_labels_and_logits():
    found = fit_platt(torch.tensor([[1.0, 3.0], [2.0, 3.0]]), torch.tensor([[0, 1], [0, 0]]))
    assert found.slope.tolist() == pytest.approx([0, 0], abs=1e-12)  # no positive; constant logits
    assert found.offset.sigmoid().tolist() == pytest.approx([1 / 4, 1 / 2])  # 1 / (2 + 2); half
    constant = fit_platt(torch.zeros(3, 1), torch.tensor([[0], [1], [1]]), smooth=False)
    assert constant.probabilities(torch.zeros(1, 1)).item() == pytest.approx(2 / 3)
    half = fit_platt(torch.tensor([[-6e4], [6e4]], dtype=torch.float16), torch.tensor([[0], [1]]))
    assert half.probabilities(torch.tensor([[-6e4], [6e4]])).flatten().tolist() == pytest.approx(
        [1 / 3, 2 / 3]
    )


@pytest.mark.parametrize(
    ("z", "y", "line"),
    [
        (
            [1.0, 2.0],
            [0, 0],
            "labels: label 0 is 0 for all of 2 images: no finite slope or offset; use smooth=True",
        ),
        ([1.0, 2.0, 3.0], [0, 1, 1], "logits: a cut separates the 3 images of label 0"),
    ],
)
def test_without_smoothing_there_may_be_no_answer(z, y, line):
    z, y = torch.tensor(z)[:, None], torch.tensor(y)[:, None]
    with pytest.raises(ValueError, match=line):
        fit_platt(z, y, smooth=False)
    assert bool(fit_platt(z, y).probabilities(z).isfinite().all())


@pytest.mark.parametrize(
    "fit", [calibration.fit_temperature, calibration.fit_platt, calibration.fit_isotonic]
)
def test_fitted_on_one_split_every_calibrator_improves_another(fit):
    """Overconfident by a factor of 3; judged by the known shares, so that no floor hides the error."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3000, 2, generator=generator, dtype=torch.float64)
    shares = logits.sigmoid()
    labels = torch.rand(shares.shape, generator=generator, dtype=torch.float64) < shares
    fitted = fit(3 * logits[:1000], labels[:1000])
    p = fitted.probabilities(3 * logits[1000:])
    before = calibration.ece((3 * logits[1000:]).sigmoid(), shares[1000:])
    after = calibration.ece(p, shares[1000:])
    assert bool((before > 0.15).all())
    assert bool((after < 0.05).all())
    assert bool((calibration.brier(p, shares[1000:]).reliability < 0.005).all())
    assert p.shape == (2000, 2)
    assert p.dtype == torch.float64
