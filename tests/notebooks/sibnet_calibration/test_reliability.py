"""Reliability diagrams and floors: bins worked by hand, the band against the binomial, the figure read back."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binom

from papers_lib.metrics.calibration import ece, ece_floor
from sibnet_calibration import reliability as sibnet_calibration_reliability
from sibnet_calibration.frame import CALIBRATORS, ELSEWHERE, Scored, calibrated
from sibnet_calibration.reliability import (
    HUES,
    WORDS,
    diagram,
    floor_at,
    floors,
    reliability_figure,
)
from tests.notebooks.sibnet_calibration.runs import Runs
from tests.notebooks.sibnet_calibration.sets import logits, opened, swept


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_all_labels_are_pooled_and_the_error_is_a_mean_over_labels():
    p = torch.tensor([[0.1, 0.2], [0.3, 0.9], [0.4, 0.7]])
    y = torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    truth = torch.tensor([[0.0, 0.4], [0.2, 1.0], [0.6, 0.8]], dtype=torch.float64)
    found = diagram(Scored(p, y, truth), bins=2, draws=3, generator=seeded())
    assert found.counts.tolist() == [4, 2]
    assert found.confidence.tolist() == pytest.approx([0.25, 0.8])
    assert found.frequency.tolist() == [0.5, 0.5]
    assert found.truth.tolist() == pytest.approx([0.3, 0.9])
    # First label: |.1 + .3 + .4 - 1| / 3; second: (|.2 - 1| + |.9 + .7 - 1|) / 3. Pooled it were (1 + .6) / 6.
    assert found.ece == pytest.approx((0.2 / 3 + 1.4 / 3) / 2)


def test_an_empty_bin_and_an_unknown_truth_are_nan():
    p = torch.full((5, 1), 0.7)
    found = diagram(
        Scored(p, torch.ones(5, 1), torch.full((5, 1), np.nan)), bins=2, draws=3, generator=seeded()
    )
    for values in (found.confidence, found.frequency, found.low, found.high):
        assert values.isnan().tolist() == [True, False]
    assert found.truth.isnan().all()


def test_the_band_is_that_of_the_binomial_however_the_draws_are_cut(monkeypatch):
    scored = Scored(torch.full((40, 5), 0.3), torch.zeros(40, 5), torch.full((40, 5), 0.3))
    for chunk in (10**6, 1000):
        monkeypatch.setattr(sibnet_calibration_reliability, "CHUNK", chunk)
        found = diagram(scored, bins=1, draws=3000, generator=seeded())
        expected = binom.ppf([0.025, 0.975], 200, 0.3) / 200
        np.testing.assert_allclose([found.low.item(), found.high.item()], expected, atol=0.006)


def test_a_panel_a_model_and_calibrator_with_what_was_computed(runs):
    found = opened(8)
    record = runs.record({}, logits(found, 3.0))
    focal = runs.record({}, logits(found, 0.5), loss="focal")
    failed = runs.record(status="diverged", loss="auc", optimizer="pesg")
    sweep = swept(found, record, focal, failed)
    figure = reliability_figure(
        sweep, ["bce", "focal", "auc_pesg", "auc_adam"], ("none", "isotonic"), draws=20
    )
    assert len(figure.axes) == 4
    assert [axis.get_ylabel() for axis in figure.axes[::2]] == ["cross entropy", "focal loss"]
    for axis, (one, calibrator) in zip(
        figure.axes, [(r, c) for r in (record, focal) for c in ("none", "isotonic")], strict=True
    ):
        expected = diagram(calibrated(sweep, one, calibrator), draws=2, generator=seeded())
        title = axis.get_title(loc="left") or axis.get_title()
        assert f"ECE {expected.ece:.3f} (floor" in title
        dots = np.ma.filled(axis.collections[-1].get_offsets(), np.nan)
        np.testing.assert_allclose(dots, torch.stack([expected.confidence, expected.frequency], 1).numpy())
        np.testing.assert_allclose(axis.lines[1].get_ydata(), expected.truth.numpy())
        assert axis.lines[0].get_xydata().tolist() == [[0, 0], [1, 1]]
    titles = [axis.get_title(loc="left") or axis.get_title() for axis in figure.axes]
    assert [title.split("\n")[0] for title in titles[:2]] == ["before", "isotonic"]


def test_without_truth_there_are_no_rings_and_without_a_run_no_figure(runs):
    found = opened(known=False)
    sweep = swept(found, runs.record({}, logits(found)))
    figure = reliability_figure(sweep, ["bce"], ("none",), draws=5)
    assert len(figure.axes[0].lines) == 1
    assert "mean P(y | x)" not in [text.get_text() for text in figure.legends[0].get_texts()]
    assert reliability_figure(sweep, ["focal"]) is None
    assert reliability_figure(sweep, ["bce"], seed=1) is None


def test_the_figure_is_the_same_twice(runs):
    found = opened()
    sweep = swept(found, runs.record({}, logits(found)))
    titles = [
        [
            axis.get_title() + axis.get_title(loc="left")
            for axis in reliability_figure(sweep, ["bce"], draws=5).axes
        ]
        for _ in range(2)
    ]
    assert titles[0] == titles[1]


def test_floors_are_of_the_arm_s_own_model(runs):
    found = opened()
    records = [
        runs.record({}, logits(found), seed=1),
        runs.record({}, logits(found, 4.0), arm="mimo", train_from=""),
        runs.record(status="diverged", seed=0),
    ]
    sweep = swept(found, *records)
    table = floors(sweep, ["bce", "focal"], seeded(), calibrators=["none"], draws=50)
    assert table.index.tolist() == ["bce", "bce"]
    assert table["arm"].tolist() == ["losses", "mimo"]
    generator = seeded()
    for record, (_, row) in zip(
        records[:2], table.iterrows(), strict=True
    ):  # seed 0 failed: seed 1 in its place
        p = calibrated(sweep, record, "none").probabilities
        expected = ece_floor(p, draws=50, generator=generator).mean_over_labels
        assert (row["mean"], row["low"], row["high"]) == expected


def test_no_model_no_floors():
    table = floors(swept(opened()), ["bce"], seeded())
    assert table.empty
    assert table.columns.tolist() == ["arm", "calibrator", "low", "mean", "high"]
    assert floor_at(swept(opened()), "bce", generator=seeded()) is None


def test_a_floor_for_fewer_images_is_what_perfect_models_score_on_as_many(runs):
    found = opened()
    sweep = swept(found, runs.record({}, logits(found)))
    p = calibrated(sweep, sweep.records[0], "none").probabilities
    few = floor_at(sweep, "bce", 30, calibrator="none", draws=200, generator=seeded())
    generator = seeded(1)
    scores = []
    for _ in range(200):
        some = p[torch.randint(len(p), (30,), generator=generator)]
        labels = torch.bernoulli(some, generator=generator)
        scores.append(float(ece(some, labels).mean()))
    assert few.mean == pytest.approx(np.mean(scores), abs=0.01)
    assert few.low < np.mean(scores) < few.high
    assert floor_at(sweep, "bce", 2000, calibrator="none", draws=20, generator=seeded()).mean < few.mean / 4


def test_every_calibrator_has_words_and_a_colour():
    assert WORDS.keys() == HUES.keys() == {*CALIBRATORS, *ELSEWHERE}
    assert pd.Series([HUES[key] for key in CALIBRATORS]).is_unique
