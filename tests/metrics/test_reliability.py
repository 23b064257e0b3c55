"""Reliability: bins worked by hand, the rule at the edges, ties, shares for labels, bad input."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.metrics.reliability import bin_sums, bins_of, reliability


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


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.sampled_from([1, 2, 8, 64]))
def test_width_bins_by_exact_arithmetic(values, bins):
    p = torch.tensor([*values, 0.125, 0.5], dtype=torch.float64)
    expected = [max(0, math.ceil(Fraction(value) * bins) - 1) for value in p.tolist()]
    assert bins_of(p[:, None], bins).indices.flatten().tolist() == expected


def test_mass_by_hand():
    p = torch.tensor([0.9, 0.1, 0.2, 0.8, 0.3, 0.4, 0.7])
    found = reliability(p, torch.tensor([1, 0, 0, 1, 0, 1, 1]), bins=3, scheme="mass")
    assert found.counts.tolist() == [3, 2, 2]  # ranks up to ceil(7/3) = 3, ceil(14/3) = 5, 7
    assert found.edges.tolist() == pytest.approx([0, 0.3, 0.7, 1])
    assert found.confidence.tolist() == pytest.approx([0.2, 0.55, 0.85])
    assert found.frequency.tolist() == [0, 1, 1]


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 9))
def test_mass_without_ties_is_even(number, bins, seed):
    p = torch.randperm(number, generator=torch.Generator().manual_seed(seed)).double() / number
    found = reliability(p, torch.zeros(number), bins=bins, scheme="mass")
    if number >= bins:
        assert int(found.counts.max() - found.counts.min()) <= 1
    assert int(found.counts.max()) <= -(-number // bins)
    filled = found.confidence[found.counts > 0]
    assert torch.equal(filled, filled.sort().values)


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


def test_constant_predictions_share_one_bin():
    for scheme in ("width", "mass"):
        for value in (0.0, 0.4, 1.0):
            found = reliability(torch.full((6,), value), torch.tensor([0, 1, 0, 1, 0, 0]), scheme=scheme)
            assert sorted(found.counts.tolist())[-2:] == [0, 6]
            assert found.frequency[found.counts > 0].item() == pytest.approx(1 / 3)


def test_expected_shares_are_the_limit_of_many_labels():
    """Each image repeated four times, with as many positives as its share says."""
    p, share = torch.tensor([0.1, 0.2, 0.6, 0.7]), torch.tensor([0.25, 0.5, 0.75, 1.0])
    labels = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]).flatten()
    repeated = reliability(p.repeat_interleave(4), labels, bins=2)
    found = reliability(p, share, bins=2)
    torch.testing.assert_close(found.frequency, repeated.frequency)
    torch.testing.assert_close(found.confidence, repeated.confidence)
    assert (4 * found.counts).tolist() == repeated.counts.tolist()


def test_sums_go_to_each_label_of_its_own_and_carry_further_axes():
    values = torch.arange(12.0, dtype=torch.float64).reshape(3, 2, 2)
    sums = bin_sums(values, torch.tensor([[0, 2], [1, 2], [0, 0]]), 3)
    assert sums.tolist() == [[[8, 10], [4, 5], [0, 0]], [[10, 11], [0, 0], [8, 10]]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_dtypes_and_graphs(dtype):
    p = torch.tensor([0.0, 0.25, 0.5, 1.0], dtype=dtype, requires_grad=True)
    found = reliability(p, torch.tensor([False, False, True, True]), bins=4)
    assert found.counts.tolist() == [2, 1, 0, 1]
    assert found.confidence.dtype == torch.float64
    assert not found.confidence.requires_grad


@pytest.mark.parametrize(
    ("p", "y", "options", "line"),
    [
        (
            torch.rand(2, 1),
            torch.rand(2, 1),
            {},
            r"probabilities and labels \(N,\), got \(2, 1\) and \(2, 1\)",
        ),
        (torch.rand(2), torch.rand(3), {}, r"got \(2,\) and \(3,\)"),
        (torch.rand(0), torch.rand(0), {}, "probabilities: expected at least one image"),
        (
            torch.tensor([0.5, 1.5]),
            torch.zeros(2),
            {},
            r"probabilities: expected within \[0, 1\], got 1.5 \(1 of 2",
        ),
        (torch.tensor([torch.nan]), torch.zeros(1), {}, r"probabilities: expected within \[0, 1\], got nan"),
        (torch.rand(2), torch.tensor([0, -1]), {}, r"labels: expected within \[0, 1\], got -1.0"),
        (torch.rand(2), torch.zeros(2), {"bins": 0}, "bins: expected an integer of at least 1, got 0"),
        (torch.rand(2), torch.zeros(2), {"bins": 2.5}, "bins: expected an integer of at least 1, got 2.5"),
        (
            torch.rand(2),
            torch.zeros(2),
            {"scheme": "equal"},
            "scheme: expected one of width, mass, got 'equal'",
        ),
    ],
)
def test_bad_input(p, y, options, line):
    with pytest.raises(ValueError, match=line):
        reliability(p, y, **options)
