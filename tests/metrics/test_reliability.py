"""Reliability: bins worked by hand, the rule at the edges, ties, shares for labels, bad input."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.metrics.calibration_error import bins_of, reliability


def test_by_hand():
    p = torch.tensor([0.1, 0.3, 0.4, 0.9, 0.8, 0.9], dtype=torch.float64)
    found = reliability(p, torch.tensor([0, 0, 1, 1, 1, 0]), bins=5)
    assert found.edges.tolist() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert found.counts.tolist() == [1, 2, 0, 1, 2]  # .4 and .8 lie on their bin's upper edge
    nan = math.nan
    assert found.confidence.tolist() == pytest.approx([0.1, 0.35, nan, 0.8, 0.9], nan_ok=True)
    assert found.frequency.tolist() == pytest.approx([0, 0.5, nan, 1, 0.5], nan_ok=True)


def test_every_edge_belongs_to_the_bin_below_and_0_to_the_first():
    edges = torch.arange(16, dtype=torch.float64) / 15
    assert bins_of(edges[:, None], 15).indices.flatten().tolist() == [0, *range(15)]
    above = torch.nextafter(edges[:-1], torch.ones(15, dtype=torch.float64))
    assert bins_of(above[:, None], 15).indices.flatten().tolist() == list(range(15))


def test_mass_by_hand():
    p = torch.tensor([0.9, 0.1, 0.2, 0.8, 0.3, 0.4, 0.7])
    found = reliability(p, torch.tensor([1, 0, 0, 1, 0, 1, 1]), bins=3, scheme="mass")
    assert found.counts.tolist() == [3, 2, 2]  # ranks up to ceil(7/3) = 3, ceil(14/3) = 5, 7
    assert found.edges.tolist() == pytest.approx([0, 0.3, 0.7, 1])
    assert found.confidence.tolist() == pytest.approx([0.2, 0.55, 0.85])
    assert found.frequency.tolist() == [0, 1, 1]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=25), st.integers(1, 8))
def test_mass_never_splits_ties_and_keeps_the_rule_of_the_edges(values, bins):
    p = torch.tensor(values, dtype=torch.float64)[:, None]
    found = bins_of(p, bins, "mass")
    for value, index in zip(values, found.indices.flatten().tolist(), strict=True):
        low, high = found.edges[0, index].item(), found.edges[0, index + 1].item()
        assert low < value <= high or (index == 0 and low <= value <= high)
    assert len({(v, i) for v, i in zip(values, found.indices.flatten().tolist(), strict=True)}) == len(
        set(values)
    )
