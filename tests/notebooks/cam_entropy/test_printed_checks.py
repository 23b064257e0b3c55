"""The rows behind Table I's verdicts: logits of a real head, rounding, and a table that is consistent."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from cam_entropy.printed_checks import (
    CHECKS,
    corners_of,
    logit,
    map_side,
    outcome,
    outcomes,
    rounding,
)
from papers_lib.cams import grad_cam, head_gradients

CHECK = {check.name: check for check in CHECKS}


def table_of(maps, logits):
    """A table as the paper's, measured on two maps to many places."""
    rows = {"max_logit": logits, "max_map": [m.max() for m in maps], "min_map": [m.min() for m in maps]}
    rows["cd"] = [m.var() / m.mean() ** 2 for m in maps]
    p = [m.ravel() / m.sum() for m in maps]
    rows["ce"] = [-(q * np.log(q)).sum() for q in p]
    points = np.argwhere(np.ones_like(maps[0])).T
    rows["ca"] = [np.sqrt(np.linalg.det(np.cov(points, aweights=q, ddof=0))) for q in p]
    table = {
        row: dict(zip(("beta0", "beta100"), map(float, pair), strict=True)) for row, pair in rows.items()
    }
    for cells in table.values():
        cells["decimals"] = 12
    return {"table1": table, "setup": {"picture_px": 192}, "network": {"stride_px": 32}}


def positive_map(seed, bias):
    """Grad-CAM of a pooled head on 6 x 6 cells, by the library's functions; shifted activations keep it positive."""
    torch.manual_seed(seed)
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 30), nn.ReLU(), nn.Linear(30, 4)
    ).double()
    with torch.no_grad():
        for layer in (head[2], head[4]):
            layer.weight.abs_()
            layer.bias.fill_(bias)
    activations = torch.rand(1, 8, 6, 6, dtype=torch.float64) + 0.2
    logits, gradients = head_gradients(head, activations, torch.tensor([1]))
    return grad_cam(activations, gradients)[0].detach().numpy(), float(logits[0, 1].detach())


@pytest.fixture
def consistent():
    maps, logits = zip(*(positive_map(seed, bias=0.0) for seed in (0, 1)), strict=True)
    return table_of(maps, logits)


def test_a_table_measured_on_maps_is_within_every_bound_that_it_should_be(consistent):
    assert map_side(consistent) == 6
    for name in ("cd", "ce", "ce_ratio", "ca", "ca_ratio", "logit", "logit_ratio"):
        for found in outcomes(CHECK[name], consistent).values():
            assert found.within, name
            assert found.least < found.value < found.greatest


def test_logit_without_biases_is_the_cells_times_the_mean_of_the_map():
    maps, value = positive_map(0, bias=0.0)
    assert value == pytest.approx(36 * maps.mean(), rel=1e-12)
    low, high = logit({"min_map": maps.min(), "max_map": maps.max()}, 6)
    assert low < value < high


def test_biases_move_the_logit_out_of_reach():
    maps, logits = zip(*(positive_map(0, bias=bias) for bias in (0.0, 30.0)), strict=True)
    assert maps[1] == pytest.approx(maps[0])  # the same pieces of the ReLU: only the logit moves
    found = outcomes(CHECK["logit"], table_of(maps, logits))
    assert (found["beta0"].within, found["beta100"].within) == (True, False)
    assert not outcome(CHECK["logit_ratio"], table_of(maps, logits), "beta100").within


@pytest.mark.parametrize(
    ("name", "row", "factor"), [("cd", "cd", 30), ("ce", "ce", 0.8), ("ca", "ca", 0.3), ("ca", "ca", 3)]
)
def test_a_number_changed_is_out_of_reach(consistent, name, row, factor):
    consistent["table1"][row]["beta0"] *= factor
    found = outcomes(CHECK[name], consistent)
    assert (found["beta0"].within, found["beta100"].within) == (False, True)


def test_a_number_is_only_out_of_reach_if_no_rounding_brings_it_back(consistent):
    bound = outcome(CHECK["ce"], consistent, "beta0").least
    coarse = copy.deepcopy(consistent)
    for numbers, decimals in ((consistent, 5), (coarse, 3)):
        numbers["table1"]["ce"] |= {"beta0": bound - 4e-4, "decimals": decimals}
    fine, rough = (outcome(CHECK["ce"], numbers, "beta0") for numbers in (consistent, coarse))
    assert (fine.within, rough.within) == (False, True)
    assert fine.over_least == pytest.approx((bound - 4e-4 + 5e-6) / bound, rel=1e-9)
    assert rough.over_least == pytest.approx((bound + 1e-4) / bound, rel=1e-9)


def test_rounding_moves_every_number_both_ways(consistent):
    assert rounding(-0.2, 2) == pytest.approx((-0.205, -0.195))
    corners = corners_of(consistent, ("ce", "cd"), "beta0")
    assert len({tuple(corner.items()) for corner in corners}) == 4
