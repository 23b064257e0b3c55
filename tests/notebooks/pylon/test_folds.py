"""Folds joined: every boxed pair counts once, and a fold that is missing leaves its model out."""

import numpy as np
import pytest

from pylon.folds import folds_table, pooled_folds
from pylon.printed import MACRO, WEIGHTED
from tests.notebooks.pylon.runs import PAIRS, Runs, swept

FIRST, SECOND = PAIRS[:1], PAIRS[1:]


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def model(runs, hits, **fields):
    """Two folds: the first tests one pair of Mass, the second two of Mass and one of Nodule."""
    return [
        runs.pointed(hits[:1], pairs=FIRST, fold=0, folds=2, **fields),
        runs.pointed(hits[1:], pairs=SECOND, fold=1, folds=2, **fields),
    ]


def test_hits_of_all_folds_are_one_test(runs):
    frame = pooled_folds(swept(*model(runs, [1, 0, 1, 0])))
    assert len(frame) == 1
    row = frame.iloc[0]
    assert row["point/Mass"] == pytest.approx(1 / 3)  # the mean of folds would be (1 + 0) / 2
    assert row["point/Nodule"] == 1
    assert (row["point_macro"], row["point_weighted"]) == pytest.approx((2 / 3, 2 / 4))
    assert "point/Hernia" not in frame
    assert row[["method", "setting", "training", "status", "arm"]].tolist() == [
        "pylon",
        "pylon_frozen",
        "frozen",
        "ok",
        "main",
    ]


def test_maps_read_off_the_baseline_are_pooled_too(runs):
    frame = pooled_folds(swept(*model(runs, [1, 0, 1, 0], method="cam")))
    assert frame["method"].tolist() == ["cam", "grad_cam", "grad_cam_pp", "xgrad_cam"]
    assert frame["point_weighted"].tolist() == [0.5] * 4


def test_a_model_with_a_missing_fold_is_left_out(runs):
    broken = runs.record(status="diverged", seed=1, fold=1, folds=2)
    records = [*model(runs, [1, 1, 1, 1]), runs.pointed([1], pairs=FIRST, seed=1, fold=0, folds=2), broken]
    assert pooled_folds(swept(*records))["seed"].tolist() == [0]


def test_folds_that_overlap_are_refused(runs):
    twice = [
        runs.pointed([1], pairs=FIRST, fold=0, folds=2),
        runs.pointed([1], pairs=FIRST, fold=1, folds=2),
    ]
    with pytest.raises(ValueError, match="share test images"):
        pooled_folds(swept(*twice))


def test_a_fold_without_a_box_takes_nothing_away(runs):
    records = [
        runs.pointed([1, 0, 1, 0], fold=0, folds=2),
        runs.record({"auroc_macro": 0.5}, {"test_logits": np.zeros((1, 3))}, fold=1, folds=2),
    ]
    assert pooled_folds(swept(*records))["point_weighted"].tolist() == [0.5]


def test_table_beside_levels_of_all_images(runs):
    records = [*model(runs, [1, 0, 1, 0]), *model(runs, [1, 1, 1, 1], seed=1)]
    table = folds_table(swept(*records))
    assert table.loc[[MACRO, WEIGHTED, "Mass", "Nodule"], "PYLON ours"].tolist() == pytest.approx(
        [(2 / 3 + 1) / 2, 0.75, 2 / 3, 1]
    )
    assert table.loc["Mass", "images"] == 4  # that of the training part is tested by some fold
    assert table.loc["Mass", "best fixed point"] == 1


def test_no_cross_validation_no_rows(runs):
    one = swept(runs.pointed([1, 0, 1, 0]))
    assert pooled_folds(one).empty
    assert [*folds_table(one)][:2] == ["images", "area ours"]
