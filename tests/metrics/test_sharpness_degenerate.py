"""Sharpness of maps on which the formulas break: dead, constant, on one line, huge, tiny, NaN."""

import math

import pytest
import torch

from papers_lib.metrics.sharpness import MEASURES, ellipsoidal_area

LINES = ["one cell", "one cell, others negative", "two cells", "one row", "one column", "row of heat"]
LINES += ["column of heat", "diagonal", "other diagonal", "tiny diagonal"]


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
