"""Calibrated runs as one table, and noise floors, against scikit-learn and loops."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import brier_score_loss, log_loss

from papers_lib.metrics.calibration import ece, ece_floor
from sibnet_calibration.calibration import (
    CALIBRATORS,
    ELSEWHERE,
    NONE,
    calibrated,
    floor_at,
    floors,
    tidy,
)
from tests.notebooks.sibnet_calibration.runs import logits, opened, swept

PLAIN = {"auroc_macro": 0.75, "nll": 0.5, "train_images": 20}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def naive_ece(p, y, bins=15):
    """Mean over labels of the sum over bins (a, b] of share of images times |mean prediction - share of positives|."""
    index = np.clip(np.ceil(p * bins) - 1, 0, bins - 1)
    each = [[abs((p - y)[index[:, k] == b, k].sum()) for b in range(bins)] for k in range(p.shape[1])]
    return np.mean(np.sum(each, 1)) / len(p)


def test_a_row_a_model_and_calibrator_with_numbers_by_hand(runs):
    found = opened()
    failed = runs.record(status="diverged", seed=1)
    one = swept(found, runs.record(PLAIN, logits(found, 3.0)), failed)
    frame = tidy([one, swept(found, runs.record(PLAIN, logits(found), arm="mapping"), data="zeros")], 15)
    assert frame["data"].tolist() == ["first"] * 8 + ["zeros"] * 7
    own = frame[frame["data"].eq("first") & frame["status"].eq("ok")].set_index("calibrator")
    assert own.index.tolist() == [*CALIBRATORS, *ELSEWHERE]
    assert own["auroc_macro"].isna().tolist() == [False] + [True] * 6  # a model counts once
    assert own["train_images"].eq(20).all()
    p, y = expit(logits(found, 3.0)["test_logits"].astype(float)), found.images.images.part("test").labels
    plain = own.loc[NONE]
    assert plain["ece"] == pytest.approx(naive_ece(p, y))
    assert plain["ece/label 1"] == pytest.approx(naive_ece(p[:, [1]], y[:, [1]]))
    assert plain["bias"] == pytest.approx((p - y).mean())
    assert plain["brier"] == pytest.approx(np.mean([brier_score_loss(y[:, k], p[:, k]) for k in range(3)]))
    assert plain["nll_calibrated"] == pytest.approx(np.mean([log_loss(y[:, k], p[:, k]) for k in range(3)]))
    assert plain["ece_contrast"] == pytest.approx(naive_ece(p[:30], y[:30]))
    assert plain["true_ece"] == pytest.approx(naive_ece(p, found.images.truth[-90:]))
    assert own.loc["one_t", "nll_calibrated"] < plain["nll_calibrated"]  # logits three times too far out
    assert own.loc["one_t_test", "nll_calibrated"] <= own.loc["one_t", "nll_calibrated"]


def test_floors_are_of_the_comparison_s_own_model(runs):
    found = opened()
    records = [
        runs.record({}, logits(found), seed=1),  # seed 0 failed: seed 1 in its place
        runs.record({}, logits(found, 4.0), arm="mimo", train_from=""),
        runs.record(status="diverged", seed=0),
    ]
    sweep, generator = swept(found, *records), seeded()
    table = floors([sweep], ("losses", "mimo"), seeded(), bins=15, calibrators=["none"], draws=50)
    assert table["arm"].tolist() == ["losses", "mimo"]
    for record, (_, row) in zip(records[:2], table.iterrows(), strict=True):
        p, *_ = calibrated(sweep, record, "none")
        expected = ece_floor(p, draws=50, generator=generator).mean_over_labels
        assert (row["mean"], row["low"], row["high"]) == expected
    assert floors([swept(found)], ("losses",), seeded(), bins=15).empty


def test_a_floor_for_fewer_images_is_what_perfect_models_score_on_as_many(runs):
    found = opened()
    sweep = swept(found, runs.record({}, logits(found)))
    p, *_ = calibrated(sweep, sweep.records[0], "one_t")
    few, generator, scores = floor_at(sweep, 30, seeded(), bins=15, draws=200), seeded(1), []
    for _ in range(200):
        some = p[torch.randint(len(p), (30,), generator=generator)]
        scores.append(float(ece(some, torch.bernoulli(some, generator=generator)).mean()))
    assert few.mean == pytest.approx(np.mean(scores), abs=0.01)
    assert few.low < np.mean(scores) < few.high
    assert floor_at(swept(found), 30, seeded(), bins=15) is None
