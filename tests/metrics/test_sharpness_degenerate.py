"""Sharpness of maps on which the formulas break: dead, constant, on one line, huge, tiny, NaN."""

import math

import pytest
import torch
from torch import Tensor

from papers_lib.metrics.sharpness import MEASURES, dead_maps, ellipsoidal_area

FORMS = ["relu", "shifted"]


def random_maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def one_cell(height: int = 6, width: int = 6) -> Tensor:
    M = torch.zeros(height, width)
    M[1, 2] = 3
    return M


CASES = {
    "zero": torch.zeros(6, 6),
    "constant": torch.full((6, 6), 0.7),
    "constant of 49 cells": torch.full((7, 7), 0.7),
    "negative": -torch.linspace(1, 2, 36).reshape(6, 6),
    "constant negative": -torch.ones(6, 6),
    "one cell": one_cell(),
    "one cell, others negative": one_cell() - 1,
    "two cells": one_cell() + one_cell().mT,
    "one row": torch.linspace(-1, 2, 5).reshape(1, 5),
    "one column": torch.linspace(-1, 2, 5).reshape(5, 1),
    "row of heat": torch.zeros(6, 6).index_fill(0, torch.tensor(2), 1.0),
    "column of heat": torch.zeros(6, 6).index_fill(1, torch.tensor(4), 1.0),
    "diagonal": torch.diag(torch.linspace(1, 2, 6)),
    "other diagonal": torch.diag(torch.linspace(1, 2, 6)).flip(0),
    "near a diagonal": torch.eye(6) + 1e-12,
    "half on": one_cell(6, 6).index_fill(0, torch.tensor([0, 1, 2]), 3.0),
    "one cell stands out by 1e30": torch.ones(6, 6) + 1e30 * one_cell(),
    "large": torch.linspace(-1e30, 1e30, 36).reshape(6, 6),
    "tiny": torch.linspace(-1e-25, 1e-25, 36).reshape(6, 6),
    "tiny diagonal": torch.eye(6) * 1e-25,
    "below the threshold": torch.eye(6) * 1e-38,
}
LINES = ["one cell", "one cell, others negative", "two cells", "one row", "one column", "row of heat"]
LINES += ["column of heat", "diagonal", "other diagonal", "tiny diagonal"]


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_every_case_is_finite_forward_and_backward(case, form, dtype):
    """Not even a step of the backward pass makes a NaN that a later one would hide."""
    for name, f in MEASURES.items():
        raw = CASES[case].to(dtype).clone().requires_grad_()
        with torch.autograd.detect_anomaly(check_nan=True):
            value = f(raw, form)
            value.backward()
        assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        assert value.isfinite(), name
        assert raw.grad.isfinite().all(), name
        if dead_maps(raw, form):
            assert value == f(torch.ones_like(raw)), name
            assert (raw.grad == 0).all(), name
    if case in LINES and not (case.startswith("one cell, others") and form == "relu"):
        assert ellipsoidal_area(CASES[case].to(dtype), form) == 0


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", MEASURES)
def test_a_broken_map_stays_visible(name, bad):
    for size in [(3, 3), (1, 4)]:
        raw = torch.ones(size)
        raw[0, 0] = bad
        assert MEASURES[name](raw).isnan()
        assert MEASURES[name](raw, "shifted").isnan()


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


def test_only_cells_with_heat_make_a_line():
    """Heat of 1e-6 of the rest beside a diagonal is heat: the area is its closed form, not 0."""
    raw = torch.diag(torch.tensor([1.0, 0.0, 1.0]))
    raw[0, 2] = 1e-6
    # Points (0, 0), (2, 2), (0, 2): det = 16 p1 p2 p3, the sum over triples of p p p (2 · area)²
    assert ellipsoidal_area(raw).item() == pytest.approx(math.sqrt(16 * 1e-6 / 2**3), rel=1e-4)
