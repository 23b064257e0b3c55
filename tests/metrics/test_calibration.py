"""Temperature: by hand, against scikit-learn, the likelihood itself, what it cannot change, bounds, bad input."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.calibration import _SigmoidCalibration
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from papers_lib.metrics import calibration
from papers_lib.metrics.calibration import fit_isotonic, fit_platt, fit_temperature

LOGITS = npst.arrays(np.float64, (12, 3), elements=st.floats(-8, 8, width=16))
LABELS = npst.arrays(np.int64, (12, 3), elements=st.integers(0, 1))


def test_by_hand():
    """sigmoid(3 / T) = 2/3 for the first label, sigmoid(1 / T) = 3/4 for the second, .7 over both signs."""
    z = torch.tensor([[3.0, 1.0]] * 12)
    y = torch.tensor([[1, 1]] * 8 + [[0, 1]] + [[0, 0]] * 3)
    found = fit_temperature(z, y, per_label=True)
    assert found.values.tolist() == pytest.approx([3 / math.log(2), 1 / math.log(3)])
    assert found.at_bound.tolist() == [False, False]
    assert found.probabilities(z)[0].tolist() == pytest.approx([2 / 3, 3 / 4])
    joint = fit_temperature(z[:, :1].repeat(1, 2), y)  # 17 positives of 24
    assert joint.values.tolist() == pytest.approx([3 / math.log(17 / 7)])


@settings(deadline=None, max_examples=50)
@given(LOGITS, LABELS, st.booleans())
def test_the_likelihood_is_the_best_near_and_far(z, y, per_label):
    z, y = torch.from_numpy(z), torch.from_numpy(y).double()
    found = fit_temperature(z, y, per_label=per_label)

    def loss(temperature: Tensor) -> float:
        return binary_cross_entropy_with_logits(z / temperature, y).item()

    best = loss(found.values)
    assert best <= loss(torch.tensor(1.0)) + 1e-12
    for factor in (0.9, 0.999, 1.001, 1.1):
        assert best <= loss((factor * found.values).clamp(1e-3, 1e3)) + 1e-12


@pytest.mark.parametrize(
    ("z", "y", "temperature", "at_bound"),
    [
        ([-1.0, 2.0], [0, 1], 1e-3, True),  # separable: the sharper the better
        ([-20.0, 20.0], [0, 1], 1e-3, True),  # also where the slope underflows
        ([0.0, 20.0], [0, 1], 1e-3, True),
        ([-1.0, 2.0], [1, 0], 1e3, True),  # upside down
        ([2.0, 2.0], [0, 1], 1e3, True),  # constant, and says too much
        ([1e-30, 1e-30], [0, 1], 1e3, True),  # and so small that its slope is rounded to 0
        ([2.0, 2.0], [0, 0], 1e3, True),
        ([2.0, 2.0], [1, 1], 1e-3, True),
        ([0.0, 0.0], [0, 1], 1.0, False),  # T does nothing
        ([1e-5, -1e-5, 1e-5], [1, 0, 0], 1e-3, True),  # best at T below the bound
    ],
)
def test_where_there_is_no_best_one(z, y, temperature, at_bound):
    z, y = torch.tensor(z)[:, None], torch.tensor(y)[:, None]
    found = fit_temperature(z, y)
    assert (found.values.item(), found.at_bound.item()) == (temperature, at_bound)
    assert bool(found.probabilities(z).isfinite().all())


def multi_label(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(300, 3, generator=generator, dtype=torch.float64)
    true = z * torch.tensor([2.0, 0.5, 1.0]) + torch.tensor([-2.0, 0.0, 1.0])
    return z, (torch.rand(300, 3, generator=generator, dtype=torch.float64) < true.sigmoid()).long()


def test_agrees_with_scikit_learn():
    z, y = multi_label()
    found = fit_platt(z, y)
    for k in range(3):
        reference = _SigmoidCalibration().fit(z[:, k].numpy(), y[:, k].numpy())
        assert found.slope[k].item() == pytest.approx(-reference.a_, rel=1e-5)
        assert found.offset[k].item() == pytest.approx(-reference.b_, abs=1e-5)


def test_degenerate_labels_and_logits():
    found = fit_platt(torch.tensor([[1.0, 3.0], [2.0, 3.0]]), torch.tensor([[0, 1], [0, 0]]))
    assert found.slope.tolist() == pytest.approx([0, 0], abs=1e-12)  # no positive; constant logits
    assert found.offset.sigmoid().tolist() == pytest.approx([1 / 4, 1 / 2])  # 1 / (2 + 2); half
    half = fit_platt(torch.tensor([[-6e4], [6e4]], dtype=torch.float16), torch.tensor([[0], [1]]))
    assert half.probabilities(torch.tensor([[-6e4], [6e4]])).flatten().tolist() == pytest.approx(
        [1 / 3, 2 / 3]
    )


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
    assert p.shape == (2000, 2)
    assert p.dtype == torch.float64


SCORES = npst.arrays(np.float64, (15, 2), elements=st.integers(-6, 6).map(lambda value: value / 4))
SHARES = npst.arrays(np.float64, (15, 2), elements=st.sampled_from([0.0, 1.0, 0.25, 0.7]))


@settings(deadline=None, max_examples=50)
@given(SCORES, SHARES)
def test_rises_within_0_and_1_and_keeps_the_mean(z, y):
    z, y = torch.from_numpy(z), torch.from_numpy(y)
    p = fit_isotonic(z, y).probabilities(z)
    assert bool(((p >= 0) & (p <= 1)).all())
    torch.testing.assert_close(p.mean(0), y.mean(0))
    for k in range(2):
        assert bool((p[z[:, k].argsort(), k].diff() >= 0).all())
