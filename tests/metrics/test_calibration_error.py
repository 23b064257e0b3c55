"""Calibration errors: by hand, against netcal in its convention and mirrored into ours, properties, bad input."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from netcal.metrics.confidence.ECE import ECE
from torch import Tensor

from papers_lib.metrics.calibration_error import confidence_ece, ece, top_label_ece


def predictions(number: int, labels: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    p = torch.rand(number, labels, generator=generator, dtype=torch.float64)
    return p, (torch.rand(number, labels, generator=generator, dtype=torch.float64) < p**2).long()


def by_netcal(p: Tensor, y: Tensor, bins: int) -> float:
    return float(ECE(bins).measure(p.numpy(), y.numpy()))


def test_by_hand():
    p = torch.tensor([0.1, 0.3, 0.6, 0.9, 1.0], dtype=torch.float64)
    y = torch.tensor([0, 1, 1, 1, 0])
    # first half: mean .2 against 1/2; second: mean 2.5/3 against 2/3
    assert ece(p[:, None], y[:, None], bins=2).item() == pytest.approx(2 / 5 * 0.3 + 3 / 5 * 0.5 / 3)
    assert ece(p[:, None], y[:, None], bins=1).item() == pytest.approx(abs(2.9 - 3) / 5)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_agrees_with_netcal(bins):
    p, y = predictions(300, 3)
    p[:4] = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64)[:, None]  # the ends lie in the same bins
    for k in range(3):
        assert ece(p, y, bins=bins)[k].item() == pytest.approx(by_netcal(p[:, k], y[:, k], bins), abs=1e-9)


def test_mirrored_it_agrees_with_netcal_on_every_edge():
    """netcal closes a bin below, we above: turned round, 1 - p, its bins are ours. In sixteenths all is exact."""
    generator = torch.Generator().manual_seed(0)
    p = torch.randint(17, (60,), generator=generator).double() / 16
    y = torch.randint(2, (60,), generator=generator)
    ours = [ece(p[:, None], y[:, None], bins=bins).item() for bins in (2, 4, 8, 16)]
    assert ours == pytest.approx([by_netcal(1 - p, 1 - y, bins) for bins in (2, 4, 8, 16)], abs=1e-9)
    unturned = [by_netcal(p, y, bins) for bins in (2, 4, 8, 16)]
    assert all(abs(a - b) > 1e-3 for a, b in zip(ours[:3], unturned[:3], strict=True))


def test_top_label_agrees_with_netcal():
    generator = torch.Generator().manual_seed(1)
    p = (3 * torch.randn(300, 4, generator=generator, dtype=torch.float64)).softmax(1)
    target = torch.randint(4, (300,), generator=generator)
    assert top_label_ece(p, target).item() == pytest.approx(by_netcal(p, target, 15), abs=1e-9)


def test_confidence_reading():
    p = torch.tensor([[0.1], [0.2], [0.9], [0.5]], dtype=torch.float64)
    y = torch.tensor([[0], [1], [1], [1]])
    # confidences .9, .8, .9, .5; right 1, 0, 1 and, 1/2 meaning absent, 0
    assert confidence_ece(p, y, bins=10).item() == pytest.approx((0.2 + 0.8 + 0.5) / 4)
    assert confidence_ece(p, y, bins=1).item() == pytest.approx((3.1 - 2) / 4)
    two = torch.cat([1 - p, p], dim=1)  # the same as two exclusive classes
    assert top_label_ece(two, y[:, 0], bins=10).item() == pytest.approx(0.375)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 50), st.sampled_from(["width", "mass"]), st.integers(1, 20))
def test_bounds_and_order_of_images(seed, scheme, bins):
    p, y = predictions(30, 2, seed)
    found = ece(p, y, bins=bins, scheme=scheme)
    total = (p.mean(0) - y.double().mean(0)).abs()  # one bin: all that can cancel does
    assert bool((total - 1e-12 <= found).all())
    assert bool((found <= 1).all())
    order = torch.randperm(30, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(ece(p[order], y[order], bins=bins, scheme=scheme), found)
    singly = torch.cat([ece(p[:, k : k + 1], y[:, k : k + 1], bins=bins, scheme=scheme) for k in range(2)])
    torch.testing.assert_close(singly, found)


@pytest.mark.parametrize("measure", [ece, confidence_ece])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_certain_predictions_and_labels_of_one_value(measure, dtype):
    p = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0]], dtype=dtype)
    assert measure(p, p).tolist() == [0, 0, 0]
    assert measure(p, 1 - p).tolist() == [1, 1, 1]
    assert measure(p, torch.zeros(2, 3)).tolist() == [0.5, 0, 1]
