"""Figures of the page: what is drawn is read back from the axes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from papers_lib.cams import display_map
from sibnet_calibration import drawing, figures
from sibnet_calibration.experiment import SibnetRun
from tests.notebooks.sibnet_calibration.runs import frame_of, logits, model, opened, swept

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


def test_seeds_thin_their_mean_thick_and_where_the_second_stage_starts(runs):
    staged = {"arm": "saliency", "loss": "wbce", "distinct": 1.4, "first_epochs": 2}
    records = [
        runs.record({}, curves([0, 0, 1], [0.9, 0.8, 2.0], auc, [np.nan, np.nan, 0.7]), seed=seed, **staged)
        for seed, auc in enumerate(([0.5, 0.6, 0.7], [0.7, 0.6, 0.9]))
    ]
    assert figures.curves_of(records[0])["loss"].tolist() == [0.9, 0.8, 0.7]  # that on the labels
    figure = figures.curves_figure(swept(opened(), *records), ["wbce", "cd_two_stage"])
    first, second, mean, start = figure.axes[2].lines
    assert [one.get_ydata().tolist() for one in (first, second)] == [[0.5, 0.6, 0.7], [0.7, 0.6, 0.9]]
    np.testing.assert_allclose(mean.get_ydata(), [0.6, 0.6, 0.8])
    assert start.get_xdata()[0] == 2.5
    assert figures.curves_figure(swept(opened()), ["bce"]) is None


def test_rates_at_the_dropout_that_most_were_trained_with(runs):
    both = [(3e-4, 0.0), (1e-3, 0.0), (3e-4, 0.5)]
    records = [
        runs.record(
            {},
            curves([0, 0], [1, 1], [0.5, rate + dropout]),
            arm="rates",
            learning_rate=rate,
            dropout=dropout,
        )
        for rate, dropout in both
    ]
    failed = runs.record(status="diverged", arm="rates", learning_rate=1e-3, seed=1)
    sweep = swept(opened(), *records, failed)
    figure = figures.rates_figure(sweep, "learning_rate")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "0.0003",
        "0.001 (1 of 2 failed)",
    ]
    assert len(figures.rates_figure(sweep, "dropout").axes[0].get_legend().get_texts()) == 2
    assert figures.rates_figure(swept(opened(), records[0]), "dropout") is None


def test_each_class_has_the_first_test_image_with_its_label_and_a_box():
    found = opened()
    labels = found.images.images.part("test").labels
    pairs = figures.example_pairs(found)
    assert [k for _, k in pairs] == [0, 1, 2]
    for place, (row, k) in enumerate(pairs):
        taken = {before for before, _ in pairs[:place]}
        assert row == next(i for i in range(90) if labels[i, k] and i not in taken)
    assert all(row < 5 for row, _ in figures.example_pairs(found, kept=5))
    assert len(figures.examples_figure(found).axes) == 3
    assert figures.example_pairs(opened(boxes=False)) == pairs  # then the label decides


def test_maps_lie_over_their_images_with_the_hottest_pixel_marked(runs):
    found = opened()
    (row, k), (other, _) = figures.example_pairs(found)[:2]
    maps = np.full((90, 3, 4, 4), -1.0)
    maps[row, :, 0, 1], maps[other, :, 3, 3] = 3, 3
    record = runs.record({}, {"maps": np.float16(maps), "test_logits": np.full((90, 3), np.log(3))})
    mimo = runs.record({}, {"test_logits": np.zeros((90, 3))}, inputs=2, train_from="")
    figure = figures.saliency_figure(swept(found, record), {"ours": record, "mimo": mimo})
    assert titles(figure)[1] == "ours\np = 0.75"
    _, over = figure.axes[1].images
    raw = torch.tensor(maps[row, k]).float()
    np.testing.assert_allclose(over.get_array(), display_map(raw, (32, 32)).numpy())
    (box,) = figure.axes[1].patches
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (0, 0, 16, 16)
    assert [figure.axes[at].lines[0].get_marker() for at in (1, 3)] == ["o", "x"]  # in the box, outside
    dead = runs.record({}, {"maps": np.float16(-np.abs(maps)), "test_logits": np.zeros((90, 3))})
    drawn = figures.saliency_figure(swept(found, dead), {"dead": dead})
    assert [text.get_text() for text in drawn.axes[1].texts] == ["no positive\nvalue"]
    assert figures.saliency_figure(swept(found, mimo), {"mimo": mimo}) is None


SALIENCY = frame_of(
    *(
        model(setting, "saliency", seed, auroc_macro=value, distinctiveness=1 - value)
        for setting, both in {"wbce": (0.8, 0.9), "cd_two_stage": (0.7, 0.75)}.items()
        for seed, value in enumerate(both)
    ),
    model("cd_two_stage", "weights", distinct=0.5, auroc_macro=0.6),
    model("sc", "saliency", status="diverged"),
    model("wbce", "saliency", data="rare", auroc_macro=0.1),
)


def test_every_seed_is_a_dot_and_a_metric_that_no_run_has_no_panel():
    figure = figures.strips_figure(SALIENCY)
    assert titles(figure) == ["AUROC ↑", "distinctiveness ↓"]
    axis = figure.axes[0]
    dots = [
        np.sort(np.asarray(points.get_offsets())[:, 0])
        for points in axis.collections
        if len(points.get_offsets())
    ]
    np.testing.assert_allclose(dots, [[0.8, 0.9], [0.7, 0.75]])
    means = [line.get_xdata() for line in axis.lines if line.get_marker() == "D"]
    np.testing.assert_allclose(means, [[0.85, 0.725]])
    assert figures.strips_figure(SALIENCY.iloc[:0]) is None


def test_weights_with_the_comparison_saliency_s_own_and_zero_as_a_line():
    frame = SALIENCY.assign(distinct=SALIENCY["distinct"].where(SALIENCY["distinct"] > 0, 1.4))
    figure = figures.weights_figure(frame)
    mean, baseline = figure.axes[0].lines
    assert baseline.get_ydata()[0] == pytest.approx(0.85)
    dots = np.concatenate([points.get_offsets() for points in figure.axes[0].collections])
    assert sorted(dots.tolist()) == [[0.5, 0.6], [1.4, 0.7], [1.4, 0.75]]
    np.testing.assert_allclose(mean.get_xydata(), [[0.5, 0.6], [1.4, 0.725]])
    assert figures.weights_figure(frame[frame["arm"].eq("saliency")]) is None


def test_calibration_errors_over_their_floors():
    frame = frame_of(
        *(model("bce", seed=seed, ece=0.03 + seed / 1000, after={"platt": {"ece": 0.02}}) for seed in (0, 1)),
        model("bce", "mimo", ece=0.2),
    )
    row = ("first", "losses", "bce", "none", 0.01, 0.015, 0.02)
    floors = pd.DataFrame([row], columns=["data", "arm", "setting", "calibrator", "low", "mean", "high"])
    axis = figures.ece_figure(frame, floors).axes[0]
    dots = [np.asarray(points.get_offsets()) for points in axis.collections if len(points.get_offsets())]
    assert [sorted(one[:, 0]) for one in dots] == [[0.03, 0.031], [0.02, 0.02], [0.2]]
    (bar,) = axis.patches
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((0.01, 0.02))
    assert bar.get_y() + bar.get_height() / 2 == pytest.approx(dots[0][0, 1])
    assert [text.get_text() for text in axis.get_yticklabels()] == [
        "cross entropy",
        "one input, all\ntrained",
    ]
    assert axis.get_xscale() == "log"
    frame.loc[0, "ece"] = 0.0
    assert figures.ece_figure(frame, floors).axes[0].get_xscale() == "linear"
    assert figures.ece_figure(frame.iloc[:0], floors) is None


def words(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.axes[0].texts)


def test_schematics_have_the_config_s_numbers_and_the_network_s_shapes():
    config = SibnetRun(seed=0, loss="wbce", distinct=1.4, coherent=30.0, first_epochs=2, epochs=5)
    before = torch.random.get_rng_state()
    said = words(drawing.architecture_drawing(config, 4, 64))
    for part in ("image 3×64×64", "features 256×4×4", "maps 4×4×4", "1.4 L_CD + 30 L_SC", "25%"):
        assert part in said
    said = words(drawing.pipeline_drawing(config))
    assert "stage 1: 2 epochs" in said
    assert "stage 2: 3 epochs" in said
    mimo = replace(config, distinct=0.0, coherent=0.0, first_epochs=0, inputs=3, train_from="", loss="bce")
    said = words(drawing.mimo_drawing(mimo, 4, 64))
    assert "9×64×64" in said
    assert said.count("4 logits") == 3
    assert "8 images, each 4 ×" in said
    assert torch.equal(torch.random.get_rng_state(), before)
