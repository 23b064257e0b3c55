"""Every calibrator is fitted and applied the same way."""

import pytest
import torch

from papers_lib.metrics import calibration


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
