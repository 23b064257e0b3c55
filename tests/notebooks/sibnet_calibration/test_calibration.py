"""Calibrated runs as one table, noise floors and reliability diagrams."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import binom
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from papers_lib.metrics.calibration import ece, ece_floor
from sibnet_calibration import calibration
from sibnet_calibration.calibration import (
    CALIBRATORS,
    ELSEWHERE,
    NONE,
    Scored,
    calibrated,
    diagram,
    ensemble,
    floor_at,
    floors,
    reliability_figure,
    tidy,
)
from tests.notebooks.sibnet_calibration.runs import logits, opened, swept

PLAIN = {"auroc_macro": 0.75, "nll": 0.5, "train_images": 20}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def naive_ece(p, y, bins=15):
    """Of one label: share of the images in each bin (a, b] times |mean prediction - share of positives|."""
    index = np.clip(np.ceil(p * bins) - 1, 0, bins - 1)
    return sum(abs((p - y)[index == b].sum()) for b in range(bins)) / len(p)


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
    each = [naive_ece(p[:, k], y[:, k]) for k in range(3)]
    assert plain["ece"] == pytest.approx(np.mean(each))
    assert [plain[f"ece/label {k}"] for k in range(3)] == pytest.approx(each)
    assert plain["bias"] == pytest.approx((p - y).mean())
    assert plain["brier"] == pytest.approx(np.mean([brier_score_loss(y[:, k], p[:, k]) for k in range(3)]))
    assert plain["nll_calibrated"] == pytest.approx(np.mean([log_loss(y[:, k], p[:, k]) for k in range(3)]))
    contrast = [naive_ece(p[:30, k], y[:30, k]) for k in range(3)]
    assert plain["ece_contrast"] == pytest.approx(np.mean(contrast))
    truth = found.images.truth[-90:]
    assert plain["true_ece"] == pytest.approx(np.mean([naive_ece(p[:, k], truth[:, k]) for k in range(3)]))
    assert own.loc["one_t", "nll_calibrated"] < plain["nll_calibrated"]  # logits three times too far out
    assert own.loc["one_t_test", "nll_calibrated"] <= own.loc["one_t", "nll_calibrated"]


def test_other_bins_and_a_truth_that_is_not_known(runs):
    found = opened(8, known=False)
    frame = tidy([swept(found, runs.record(PLAIN, logits(found)))], 5).set_index("calibrator")
    p, y = expit(logits(found)["test_logits"].astype(float)), found.images.images.part("test").labels
    assert frame.loc[NONE, "ece"] == pytest.approx(
        np.mean([naive_ece(p[:, k], y[:, k], 5) for k in range(8)])
    )
    assert frame["true_ece"].isna().all()


def test_the_ensemble_averages_probabilities(runs):
    found = opened()
    one = swept(found, *(runs.record({}, logits(found, seed=seed), seed=seed) for seed in (0, 1)))
    p = np.mean([expit(logits(found, seed=seed)["test_logits"].astype(float)) for seed in (0, 1)], 0)
    y, given = found.images.images.part("test").labels, ensemble(one, 15)
    assert given["auroc"] == pytest.approx(roc_auc_score(y, p, average="macro"))
    assert given["ece"] == pytest.approx(np.mean([naive_ece(p[:, k], y[:, k]) for k in range(3)]))
    assert given["nll"] == pytest.approx(-np.where(y, np.log(p), np.log1p(-p)).mean())
    assert ensemble(swept(found, one.records[0]), 15) == {}


def test_floors_are_of_the_comparison_s_own_model(runs):
    found = opened()
    records = [
        runs.record({}, logits(found), seed=1),  # seed 0 failed: seed 1 in its place
        runs.record({}, logits(found, 4.0), arm="mimo", train_from=""),
        runs.record(status="diverged", seed=0),
    ]
    sweep = swept(found, *records)
    table = floors([sweep], ("losses", "mimo"), seeded(), bins=15, calibrators=["none"], draws=50)
    assert table[["data", "arm", "setting"]].to_numpy().tolist() == [
        ["first", arm, "bce"] for arm in ("losses", "mimo")
    ]
    generator = seeded()
    for record, (_, row) in zip(records[:2], table.iterrows(), strict=True):
        p = calibrated(sweep, record, "none").probabilities
        expected = ece_floor(p, draws=50, generator=generator).mean_over_labels
        assert (row["mean"], row["low"], row["high"]) == expected
    assert floors([swept(found)], ("losses",), seeded(), bins=15).empty


def test_a_floor_for_fewer_images_is_what_perfect_models_score_on_as_many(runs):
    found = opened()
    sweep = swept(found, runs.record({}, logits(found)))
    p = calibrated(sweep, sweep.records[0], "one_t").probabilities
    few, generator, scores = floor_at(sweep, 30, seeded(), bins=15, draws=200), seeded(1), []
    for _ in range(200):
        some = p[torch.randint(len(p), (30,), generator=generator)]
        scores.append(float(ece(some, torch.bernoulli(some, generator=generator)).mean()))
    assert few.mean == pytest.approx(np.mean(scores), abs=0.01)
    assert few.low < np.mean(scores) < few.high
    assert floor_at(swept(found), 30, seeded(), bins=15) is None


def test_a_diagram_by_hand_with_an_empty_bin():
    p, y = (
        torch.tensor([[0.1, 0.2], [0.3, 0.9], [0.4, 0.7]]).double(),
        torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]),
    )
    truth = torch.tensor([[0.0, 0.4], [0.2, 1.0], [0.6, 0.8]], dtype=torch.float64)
    found = diagram(Scored(p, y, truth), bins=2, draws=3, generator=seeded())
    assert found.counts.tolist() == [4, 2]
    assert found.confidence.tolist() == pytest.approx([0.25, 0.8])
    assert found.frequency.tolist() == [0.5, 0.5]
    assert found.truth.tolist() == pytest.approx([0.3, 0.9])
    # First label: |.1 + .3 + .4 - 1| / 3; second: (|.2 - 1| + |.9 + .7 - 1|) / 3. Pooled it were (1 + .6) / 6.
    assert found.ece == pytest.approx((0.2 / 3 + 1.4 / 3) / 2)
    unknown = Scored(torch.full((5, 1), 0.7), torch.ones(5, 1), torch.full((5, 1), np.nan))
    empty = diagram(unknown, bins=2, draws=3, generator=seeded())
    for values in (empty.confidence, empty.frequency, empty.low, empty.high):
        assert values.isnan().tolist() == [True, False]
    assert empty.truth.isnan().all()


def test_the_band_is_that_of_the_binomial_however_the_draws_are_cut(monkeypatch):
    scored = Scored(torch.full((40, 5), 0.3), torch.zeros(40, 5), torch.full((40, 5), 0.3))
    for chunk in (10**6, 1000):
        monkeypatch.setattr(calibration, "CHUNK", chunk)
        found = diagram(scored, bins=1, draws=3000, generator=seeded())
        expected = binom.ppf([0.025, 0.975], 200, 0.3) / 200
        np.testing.assert_allclose([found.low.item(), found.high.item()], expected, atol=0.006)


def test_a_panel_a_model_and_calibrator_with_what_was_computed(runs):
    found = opened(8)
    record, focal = runs.record({}, logits(found, 3.0)), runs.record({}, logits(found, 0.5), loss="focal")
    sweep = swept(found, record, focal, runs.record(status="diverged", loss="auc", optimizer="pesg"))
    figure = reliability_figure(sweep, ["bce", "focal", "auc_pesg", "auc_adam"], bins=15, draws=20)
    assert len(figure.axes) == 6
    for axis, one in zip(figure.axes[::3], (record, focal), strict=True):
        expected = diagram(calibrated(sweep, one, NONE), bins=15, draws=2, generator=seeded())
        assert f"ECE {expected.ece:.3f} (floor" in axis.get_title(loc="left") + axis.get_title()
        dots = np.ma.filled(axis.collections[-1].get_offsets(), np.nan)
        np.testing.assert_allclose(dots, torch.stack([expected.confidence, expected.frequency], 1).numpy())
        np.testing.assert_allclose(axis.lines[1].get_ydata(), expected.truth.numpy())
    assert reliability_figure(sweep, ["auc_pesg"], bins=15) is None
