"""Figures of the page: what is drawn is read back from the axes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from papers_lib.cams import display_map
from sibnet_calibration import drawing, figures
from sibnet_calibration.experiment import SibnetRun
from tests.notebooks.sibnet_calibration.runs import logits, opened, swept

NAMES = np.array(["label_loss", "loss", "stage", "val_auroc", "val_loss"])


def titles(figure):
    return [axis.get_title(loc="left") or axis.get_title() for axis in figure.axes]


def curves(stages, loss, val_auroc, label_loss=None):
    """Arrays of a run's epochs; its validation loss is one less its AUROC."""
    added = np.full(len(loss), np.nan) if label_loss is None else label_loss
    table = np.array([added, loss, stages, val_auroc, 1 - np.array(val_auroc)], float).T
    return {"curves": table, "curve_names": NAMES}


def test_a_roc_panel_a_label_with_each_setting_s_area(runs):
    found = opened(4)
    records = [runs.record({}, logits(found, seed=1)), runs.record({}, logits(found, 0.5), loss="focal")]
    figure = figures.roc_figure(swept(found, *records), ["bce", "focal", "auc_pesg"])
    labels = found.images.images.part("test").labels
    scores = [*(one.arrays()["test_logits"] for one in records), found.images.truth[-90:]]
    for k, axis in enumerate(axis for axis in figure.axes if axis.axison):
        for line, one in zip(axis.lines[1:], scores, strict=True):
            area = np.trapezoid(line.get_ydata(), line.get_xdata())
            assert area == pytest.approx(roc_auc_score(labels[:, k], one[:, k]))
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["cross entropy", "focal loss", "P(y | x) itself"]
    assert figures.roc_figure(swept(found), ["bce"]) is None


def test_a_reliability_panel_a_model_and_calibrator_with_numbers_by_hand(runs):
    found = opened(2)
    arrays = logits(found)
    arrays["test_logits"] = np.float32(np.where(np.arange(90) < 30, np.log(3 / 7), np.log(4)))[
        :, None
    ].repeat(2, 1)
    sweep = swept(found, runs.record({}, arrays), runs.record(status="diverged", loss="focal"))
    figure = figures.reliability_figure(sweep, ["bce", "focal", "auc_adam"], bins=2, draws=2000)
    assert len(figure.axes) == 3
    labels, truth = found.images.images.part("test").labels, found.images.truth[-90:]
    axis = figure.axes[0]
    dots = np.asarray(axis.collections[-1].get_offsets())
    np.testing.assert_allclose(dots, [[0.3, labels[:30].mean()], [0.8, labels[30:].mean()]], rtol=1e-6)
    np.testing.assert_allclose(axis.lines[1].get_ydata(), [truth[:30].mean(), truth[30:].mean()])
    band = axis.collections[0].get_paths()[0].get_extents()
    expected = binom.ppf(0.025, 60, 0.3) / 60, binom.ppf(0.975, 120, 0.8) / 120
    np.testing.assert_allclose([band.y0, band.y1], expected, atol=0.03)
    # The ECE is a mean over labels, not that of the pooled ones.
    gaps = [30 * abs(0.3 - labels[:30, k].mean()) + 60 * abs(0.8 - labels[30:, k].mean()) for k in range(2)]
    assert f"ECE {np.mean(gaps) / 90:.3f} (floor" in titles(figure)[0]
    assert figures.reliability_figure(sweep, ["focal"], bins=2) is None


def test_seeds_thin_their_mean_thick_and_where_the_second_stage_starts(runs):
    staged = {"arm": "saliency", "loss": "wbce", "distinct": 1.4, "first_epochs": 2}
    records = [
        runs.record({}, curves([0, 0, 1], [0.9, 0.8, 2.0], auc, [np.nan, np.nan, 0.7]), seed=seed, **staged)
        for seed, auc in enumerate(([0.5, 0.6, 0.7], [0.7, 0.6, 0.9]))
    ]
    assert figures.curves_of(records[:1])["loss"].tolist() == [0.9, 0.8, 0.7]  # that on the labels
    figure = figures.curves_figure(swept(opened(), *records), ["wbce", "cd_two_stage"])
    first, second, mean, *_, start = figure.axes[2].lines
    assert [one.get_ydata().tolist() for one in (first, second)] == [[0.5, 0.6, 0.7], [0.7, 0.6, 0.9]]
    np.testing.assert_allclose(mean.get_ydata(), [0.6, 0.6, 0.8])
    assert start.get_xdata()[0] == 2.5
    assert figures.curves_figure(swept(opened()), ["bce"]) is None


def test_rates_at_the_dropout_that_most_were_trained_with(runs):
    records = [
        runs.record({}, curves([0, 0], [1, 1], [0.5, rate]), arm="rates", learning_rate=rate, dropout=dropout)
        for rate, dropout in [(3e-4, 0.0), (1e-3, 0.0), (3e-4, 0.5)]
    ]
    sweep = swept(opened(), *records, runs.record(status="diverged", arm="rates", learning_rate=1e-2))
    for by, expected in (("learning_rate", ["0.0003", "0.001"]), ("dropout", ["0", "0.5"])):
        legend = figures.rates_figure(sweep, by).axes[0].get_legend()
        assert [text.get_text() for text in legend.get_texts()] == expected
    assert figures.rates_figure(swept(opened(), records[0]), "dropout") is None
    assert figures.rates_figure(swept(opened()), "dropout") is None


def test_each_class_has_the_first_test_image_with_its_label_and_a_box():
    one = swept(opened())
    labels, pairs = one.part("test").labels, figures.example_pairs(one)
    assert [k for _, k in pairs] == [0, 1, 2]
    for place, (row, k) in enumerate(pairs):
        taken = {before for before, _ in pairs[:place]}
        assert row == next(i for i in range(90) if labels[i, k] and i not in taken)
    assert all(row < 5 for row, _ in figures.example_pairs(one, kept=5))
    assert figures.example_pairs(swept(opened(boxes=False))) == pairs  # then the label decides


def test_maps_lie_over_their_images_with_the_hottest_pixel_marked(runs):
    found = opened()
    (row, k), (other, _) = figures.example_pairs(swept(found))[:2]
    maps = np.full((90, 3, 4, 4), -1.0)
    maps[row, :, 0, 1], maps[other, :, 3, 3] = 3, 3
    record = runs.record({}, {"maps": np.float16(maps), "test_logits": np.full((90, 3), np.log(3))})
    mimo = runs.record({}, {"test_logits": np.zeros((90, 3))}, inputs=2, train_from="")
    figure = figures.saliency_figure(swept(found, record), {"ours": record, "mimo": mimo})
    assert titles(figure)[1] == "ours\np = 0.75"
    _, over = figure.axes[1].images
    raw = torch.tensor(maps[row, k]).float()
    np.testing.assert_allclose(over.get_array(), display_map(raw, (32, 32)).numpy())
    box = figure.axes[1].lines[0].get_xydata()
    assert (box.min(0).tolist(), box.max(0).tolist()) == ([0, 0], [16, 16])
    assert [figure.axes[at].lines[-1].get_marker() for at in (1, 3)] == ["o", "x"]  # in the box, outside
    dead = runs.record({}, {"maps": np.float16(-np.abs(maps)), "test_logits": np.zeros((90, 3))})
    drawn = figures.saliency_figure(swept(found, dead), {"dead": dead})
    assert [text.get_text() for text in drawn.axes[1].texts] == ["no positive\nvalue"]
    assert figures.saliency_figure(swept(found, mimo), {"mimo": mimo}) is None


def test_schematics_have_the_config_s_numbers_and_the_network_s_shapes():
    config = SibnetRun(seed=0, loss="wbce", distinct=1.4, coherent=30.0, first_epochs=2, epochs=5)
    mimo = replace(config, distinct=0.0, coherent=0.0, first_epochs=0, inputs=3, train_from="", loss="bce")
    parts = ("image 3×64×64", "features 256×4×4", "maps 4×4×4", "1.4 L_CD + 30 L_SC", "25%")
    for figure, expected in (
        (drawing.architecture_drawing(config, 4, 64), parts),
        (drawing.pipeline_drawing(config), ("stage 1: 2 epochs", "stage 2: 3 epochs")),
        (drawing.mimo_drawing(mimo, 4, 64), ("9×64×64", "head 3: 4 logits", "8 images, each 4 ×")),
    ):
        said = " ".join(text.get_text().replace("\n", " ") for text in figure.axes[0].texts)
        assert [part for part in expected if part not in said] == []
