"""Sharpness of maps: hand-worked values, scipy and numpy, bounds, gradients, bad input."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from papers_lib.metrics.sharpness import (
    MEASURES,
    cam_entropy,
    coefficient_of_variation,
    dead_maps,
    dispersion,
    ellipsoidal_area,
    heat,
    normalized_cam_entropy,
)

FORMS = ["relu", "shifted"]


def random_maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Rows 3, 1: p = 3/4, 1/4; ce = ln 4 - 3/4 ln 3; μ = 2, σ = 1.
# Four corners of a 3x5 grid, equal: variances 1 and 4, no covariance, so ca = 2; 4 of 15 cells are hot.
def test_heat_and_dead_maps():
    raw = torch.tensor([[[1.0, -3.0]], [[-1.0, -1.0]], [[2.0, 2.0]], [[0.0, 0.0]], [[torch.nan, -1.0]]])
    assert heat(raw[:4]).tolist() == [[[1, 0]], [[0, 0]], [[2, 2]], [[0, 0]]]
    assert heat(raw[:4], "shifted").tolist() == [[[4, 0]], [[0, 0]], [[0, 0]], [[0, 0]]]
    assert dead_maps(raw).tolist() == [False, True, False, True, False]
    assert dead_maps(raw, "shifted").tolist() == [False, True, True, True, False]
    assert dead_maps(torch.tensor([[[9e-31, 0.0]], [[1.1e-30, 0.0]]])).tolist() == [True, False]


@pytest.mark.parametrize("form", FORMS)
def test_values_equal_scipys_and_numpys(form):
    maps = random_maps(3, 20, 5, 7)
    rows, columns = np.indices((5, 7))
    for raw in maps:
        M = raw.numpy().clip(0) if form == "relu" else raw.numpy() - raw.numpy().min()
        entropy = scipy.stats.entropy(M.ravel())
        assert cam_entropy(raw, form).item() == pytest.approx(entropy, rel=1e-12)
        assert normalized_cam_entropy(raw, form).item() == pytest.approx(entropy / np.log(35), rel=1e-12)
        covariance = np.cov(np.stack([rows.ravel(), columns.ravel()]), aweights=M.ravel(), ddof=0)
        area = math.sqrt(np.prod(np.linalg.eigvalsh(covariance)))
        assert ellipsoidal_area(raw, form).item() == pytest.approx(area, rel=1e-10)
        assert dispersion(raw, form).item() == pytest.approx(M.var() / M.mean() ** 2, rel=1e-12)
        variation = scipy.stats.variation(M.ravel())
        assert coefficient_of_variation(raw, form).item() == pytest.approx(variation, rel=1e-12)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    form=st.sampled_from(FORMS),
    height=st.integers(1, 6),
    width=st.integers(2, 6),
    exponent=st.integers(-20, 20),
)
def test_properties(seed, form, height, width, exponent):
    maps = random_maps(seed, 4, height, width)
    n = height * width
    scale, order = 10.0**exponent, torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    shuffled = maps.flatten(1)[:, order].reshape(maps.shape)
    found = {name: f(maps, form) for name, f in MEASURES.items()}
    for name, f in MEASURES.items():
        torch.testing.assert_close(f(maps * scale, form), found[name])
        torch.testing.assert_close(f(maps.flip(-1), form), found[name])
        torch.testing.assert_close(f(maps.mT, form), found[name])
        singles = torch.stack([f(raw, form) for raw in maps])
        torch.testing.assert_close(singles, found[name], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(f(maps.reshape(2, 2, height, width), form).flatten(), singles)
        if name != "ca":
            torch.testing.assert_close(f(shuffled, form), found[name])
        if form == "shifted":
            torch.testing.assert_close(f(maps + 3, form), found[name])
    corners = (height - 1) * (width - 1) / 4
    for name, bound in {
        "ce": math.log(n),
        "ce_norm": 1,
        "ca": corners,
        "cd": n - 1,
        "cv": math.sqrt(n - 1),
    }.items():
        assert (found[name] >= 0).all()
        assert (found[name] <= bound * (1 + 1e-12)).all()
    torch.testing.assert_close(found["cv"].square(), found["cd"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MEASURES)
def test_gradients_equal_finite_differences_to_second_order(name, form):
    """Through the cells that the ReLU sets to 0 as well, and through the minimum of the shifted form."""
    maps = random_maps(5, 3, 3, 4).requires_grad_()
    assert 0 < (maps < 0).sum() < maps.numel()
    assert torch.autograd.gradcheck(lambda raw: MEASURES[name](raw, form), (maps,))
    assert torch.autograd.gradgradcheck(lambda raw: MEASURES[name](raw, form), (maps,))


@pytest.mark.parametrize("name", MEASURES)
def test_value_of_dead_maps(name):
    f, maps = MEASURES[name], torch.stack([-torch.ones(3, 3), torch.eye(3), torch.ones(3, 3)])
    maps.requires_grad_()
    assert f(maps)[0] == f(maps)[2]
    filled = f(maps, dead=-4.0)
    assert filled[0] == -4
    assert filled[1:].tolist() == f(maps)[1:].tolist()
    assert f(maps, dead=math.nan).nanmean() == f(maps)[1:].mean()
    assert f(maps, "shifted", dead=-4.0)[[0, 2]].tolist() == [-4, -4]
    f(maps, dead=math.nan)[1:].sum().backward()
    assert maps.grad.isfinite().all()
