"""Class distinctiveness of codes, and the sampled pairs: torch's own cosine, hand-worked values, counts."""

from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from papers_lib.losses.class_distinctiveness import (
    class_distinctiveness,
    class_distinctiveness_loss,
    sample_pairs,
)


def random_maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    batch=st.integers(1, 4),
    classes=st.integers(2, 6),
    factor=st.floats(1e-12, 1e12),
)
def test_equals_the_mean_of_torchs_cosines(seed, batch, classes, factor):
    codes = random_maps(seed, batch, classes, 3, 2, 2)
    vectors = codes.flatten(2)
    cosines = [
        F.cosine_similarity(vectors[:, a], vectors[:, b], -1) for a, b in combinations(range(classes), 2)
    ]
    expected = torch.stack(cosines).mean()
    torch.testing.assert_close(class_distinctiveness(codes), expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(class_distinctiveness(codes * factor), expected)
    order = torch.randperm(classes, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(class_distinctiveness(codes[:, order]), expected)
    assert 0 <= class_distinctiveness(codes.abs()) <= 1 + 1e-12


def test_gradients():
    codes = random_maps(0, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(class_distinctiveness, (codes,))
    assert torch.autograd.gradgradcheck(class_distinctiveness, (codes,))


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_degenerate_codes_leave_value_and_gradient_finite(dtype):
    codes = torch.ones(3, 3, 4)
    codes[0, 0], codes[1], codes[2, 0] = 0.0, 0.0, 1e4
    codes = codes.to(dtype).requires_grad_()
    with torch.autograd.detect_anomaly(check_nan=True):
        loss = class_distinctiveness(codes)
        loss.backward()
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert loss.item() == pytest.approx((1 / 3 + 0 + 1) / 3)
    assert codes.grad.isfinite().all()
    assert (codes.grad[0, 0] == 0).all()
    assert (codes.grad[1] == 0).all()


def test_pairs_are_equally_likely():
    draws = sample_pairs(60_000, 4, share=1.0, generator=torch.Generator().manual_seed(0))
    assert draws.images.sort().values.tolist() == list(range(60_000))
    pairs, counts = draws.classes.unique(dim=0, return_counts=True)
    assert pairs.tolist() == [list(pair) for pair in combinations(range(4), 2)]
    # 10,000 expected of each, with a standard deviation of 91.
    assert (counts - 10_000).abs().max() < 400


def test_the_sampled_estimator_is_unbiased():
    maps, generator = random_maps(2, 4, 3, 2, 2), torch.Generator().manual_seed(0)
    draws = torch.stack(
        [
            class_distinctiveness_loss(maps, None, estimator="sampled", share=0.5, generator=generator)
            for _ in range(2500)
        ]
    )
    error = draws.std() / len(draws) ** 0.5
    assert error < 0.01
    assert abs(draws.mean() - class_distinctiveness_loss(maps, None)) < 4 * error
