"""Lines of the Sibnet page: the numbers are read back from the axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from papers_lib.plots import PALETTE
from sklearn.metrics import roc_auc_score, roc_curve

from papers_lib.metrics.classification import auroc
from sibnet_calibration.plots import (
    THICK,
    THIN,
    curves_figure,
    curves_of,
    rates_figure,
    roc_figure,
    roc_points,
)
from sibnet_calibration.settings import models
from tests.notebooks.sibnet_calibration.runs import Runs
from tests.notebooks.sibnet_calibration.sets import curves, logits, opened, swept


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_corners_span_the_curve_that_sklearn_draws(pairs):
    scores, positive = np.array([one for one, _ in pairs], float), np.array([kind for _, kind in pairs])
    if positive.all() or not positive.any():
        return
    x, y = roc_points(scores, positive)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    expected = roc_curve(positive, scores, drop_intermediate=False)
    corners = {(round(a, 9), round(b, 9)) for a, b in zip(*expected[:2], strict=True)}
    assert {(round(a, 9), round(b, 9)) for a, b in zip(x, y, strict=True)} <= corners
    assert np.trapezoid(y, x) == pytest.approx(roc_auc_score(positive, scores))


def test_a_roc_panel_a_label_with_each_setting_s_area(runs):
    found = opened(4)
    records = [runs.record({}, logits(found, seed=1)), runs.record({}, logits(found, 0.5), loss="focal")]
    figure = roc_figure(swept(found, *records), ["bce", "focal", "auc_pesg"])
    drawn = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_title(loc="left") or axis.get_title() for axis in drawn] == [
        f"label {k}" for k in range(4)
    ]
    labels = torch.from_numpy(found.images.images.part("test").labels)
    truth = torch.from_numpy(found.images.truth[-len(labels) :])
    scores = [*(torch.from_numpy(one.arrays()["test_logits"]) for one in records), truth]
    areas = torch.stack([auroc(one, labels).per_class for one in scores], 1)
    for axis, row in zip(drawn, areas, strict=True):
        shown = [text.get_text() for text in axis.get_legend().get_texts()]
        assert shown == [f"{area:.3f}" for area in row]
        for line, area in zip(axis.lines[1:], row, strict=True):
            assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(float(area))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "cross entropy",
        "focal loss",
        "P(y | x) itself",
    ]


def test_roc_without_truth_has_no_line_of_it_and_without_a_run_there_is_none(runs):
    found = opened(known=False)
    sweep = swept(found, runs.record({}, logits(found)))
    assert len(roc_figure(sweep, ["bce"]).axes[0].lines) == 2
    assert roc_figure(sweep, ["focal"]) is None
    assert roc_figure(sweep, ["bce"], seed=3) is None


def test_training_loss_is_that_on_the_labels(runs):
    staged = curves([0, 0, 1], [0.9, 0.8, 2.0], [0.5, 0.6, 0.7], [np.nan, np.nan, 0.7])
    assert curves_of(runs.record({}, staged))["loss"].tolist() == [0.9, 0.8, 0.7]
    plain = {"curves": np.array([[0.9, 0.0]]), "curve_names": np.array(["loss", "stage"])}
    assert curves_of(runs.record({}, plain))["loss"].tolist() == [0.9]


def test_seeds_thin_their_mean_thick_and_where_the_second_stage_starts(runs):
    staged = {"arm": "saliency", "loss": "wbce", "distinct": 1.4, "first_epochs": 2}
    records = [
        runs.record({}, curves([0, 0, 1], [0.9, 0.8, 0.7], auc), seed=seed, **staged)
        for seed, auc in enumerate(([0.5, 0.6, 0.7], [0.7, 0.6, 0.9]))
    ]
    figure = curves_figure(models(swept(opened(), *records), ["wbce", "cd_two_stage"]))
    loss, val_loss, val_auroc = figure.axes
    thin = [line for line in val_auroc.lines if line.get_linewidth() == THIN and line.get_linestyle() == "-"]
    assert [line.get_ydata().tolist() for line in thin] == [[0.5, 0.6, 0.7], [0.7, 0.6, 0.9]]
    mean = next(line for line in val_auroc.lines if line.get_linewidth() == THICK)
    assert mean.get_xdata().tolist() == [1, 2, 3]
    np.testing.assert_allclose(mean.get_ydata(), [0.6, 0.6, 0.8])
    np.testing.assert_allclose(val_loss.lines[2].get_ydata(), [0.4, 0.4, 0.2])
    for axis in (loss, val_loss, val_auroc):
        assert [line.get_xdata()[0] for line in axis.lines if line.get_linestyle() == ":"] == [2.5]
    assert mean.get_color() == PALETTE["proposed"]


def test_no_curve_no_figure(runs):
    assert curves_figure({}) is None
    assert curves_figure(models(swept(opened(), runs.record(status="diverged")), ["bce"])) is None


def rate(runs, value, *, status="ok", **fields):
    arrays = {} if status != "ok" else curves([0, 0], [0.9, 0.8], [value, value])
    return runs.record({}, arrays, status, arm="rates", loss="wbce", **fields)


def test_rates_fix_the_other_rate_and_say_what_failed(runs):
    records = [
        rate(runs, 0.5, learning_rate=1e-3, seed=0),
        rate(runs, 0.7, learning_rate=1e-3, seed=1),
        rate(runs, 0.6, learning_rate=1e-4),
        rate(runs, 0.0, learning_rate=1e-4, seed=1, status="diverged"),
        rate(runs, 0.9, learning_rate=1e-4, dropout=0.5),
        runs.record({}, curves([0], [1.0], [0.1]), arm="losses", learning_rate=1e-2),
    ]
    axis = rates_figure(swept(opened(), *records)).axes[0]
    means = {
        line.get_label(): line.get_ydata().tolist() for line in axis.lines if line.get_linewidth() == THICK
    }
    assert means == {"0.0001 (1 of 2 failed)": [0.6, 0.6], "0.001": [0.6, 0.6]}
    assert sum(line.get_linewidth() == THIN for line in axis.lines) == 3
    dropout = rates_figure(swept(opened(), *records), by="dropout").axes[0]
    assert [line.get_label() for line in dropout.lines if line.get_linewidth() == THICK] == [
        "0 (1 of 2 failed)",
        "0.5",
    ]


def test_a_rate_that_always_failed_stays_in_the_legend(runs):
    records = [rate(runs, 0.5, learning_rate=1e-3), rate(runs, 0.0, learning_rate=1.0, status="diverged")]
    axis = rates_figure(swept(opened(), *records)).axes[0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["0.001", "1 (1 of 1 failed)"]


def test_one_rate_is_no_figure(runs):
    assert rates_figure(swept(opened(), rate(runs, 0.5, seed=0), rate(runs, 0.5, seed=1))) is None
    assert rates_figure(swept(opened(), runs.record(arm="losses"))) is None
