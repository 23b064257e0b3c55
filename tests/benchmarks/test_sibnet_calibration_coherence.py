"""The loops that the library is timed against give the same as it, and their time is multiplied up as is said."""

import pytest
import torch

from benchmarks import interleaved
from benchmarks.sibnet_calibration_coherence import (
    LABELS,
    blobs,
    by_autograd,
    by_numpy,
    ours,
    table,
)
from papers_lib.losses.map_components import components

SIDE = 14


def test_both_loops_give_the_library_s_value_and_gradient():
    maps = blobs(1, SIDE).double()
    labels = components(maps)
    assert 0 < (labels > 0).sum() < labels.numel()
    value, slope = ours(maps, labels)
    looped = by_autograd(maps[0], labels[0], range(SIDE))
    by_hand = by_numpy(maps[0].numpy(), labels[0].numpy(), range(SIDE))
    for loss, gradient in (looped, by_hand):
        assert float(loss) == pytest.approx(float(value), rel=1e-9)
        torch.testing.assert_close(torch.as_tensor(gradient), slope[0])


def test_clusters_found_are_those_given():
    maps = blobs(3, SIDE)
    for a, b in zip(ours(maps, None), ours(maps, components(maps)), strict=True):
        assert torch.equal(a, b)


def test_a_row_of_a_loop_stands_for_all_pixels_in_clusters(monkeypatch):
    monkeypatch.setattr(interleaved, "_seconds", lambda action, device: 1.0)
    rows = table(sides=[SIDE], counts=[1, 3], rounds=1)
    assert [row["key"] for row in rows] == [f"coherence_{SIDE}_{n}_{name}" for n in (1, 3) for name in LABELS]
    for count in (1, 3):
        pixels = int((components(blobs(count, SIDE)) > 0).sum())
        for name in ("autograd", "numpy"):
            (row,) = (row for row in rows if row["key"] == f"coherence_{SIDE}_{count}_{name}")
            assert row["ratio"] == pytest.approx(pixels / SIDE, abs=1e-3)
        (own,) = (row for row in rows if row["key"] == f"coherence_{SIDE}_{count}_ours")
        assert (own["ratio"], own["median ms"]) == (1.0, 1000.0)


def test_times_are_positive():
    assert all(row["median ms"] > 0 for row in table(sides=[8], counts=[2], rounds=1))
