"""Dots of the Sibnet page: the numbers are read back from the axes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from papers_lib.plots import MARKERS, PALETTE

from pylon.ablation import interval
from sibnet_calibration.strips import ece_figure, strips_figure, weights_figure


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def row(setting, arm="saliency", calibrator="none", **fields):
    """A row of the tidy frame with the columns that the figures read."""
    plain = {
        "status": "ok",
        "data": "first",
        "backbone": "lite0",
        "weights": "packaged",
        "epochs": 6,
        "seed": 0,
    }
    return {"arm": arm, "setting": setting, "calibrator": calibrator, **plain, **fields}


def frame_of(*rows):
    return pd.DataFrame(list(rows))


def titles(figure):
    return [axis.get_title(loc="left") or axis.get_title() for axis in figure.axes]


def dots(axis):
    return [line.get_xdata().tolist() for line in axis.lines if line.get_marker() == "o"]


def strips_frame():
    values = {"wbce": (0.8, 0.9), "cd_two_stage": (0.7, 0.75)}
    rows = [
        row(setting, seed=seed, auroc_macro=value, distinctiveness=1 - value)
        for setting, both in values.items()
        for seed, value in enumerate(both)
    ]
    beside = [
        row("wbce", calibrator="platt", ece=0.1),
        row("sc", status="diverged"),
        row("wbce", data="rare", auroc_macro=0.1),
        row("bce", arm="losses", auroc_macro=0.2),
    ]
    return frame_of(*rows, *beside)


def test_every_seed_is_a_dot_and_a_metric_that_no_run_has_no_panel():
    figure = strips_figure(strips_frame())
    assert titles(figure) == ["AUROC ↑", "distinctiveness ↓"]
    score, distinct = figure.axes
    assert dots(score) == [[0.8, 0.9], [0.7, 0.75]]
    np.testing.assert_allclose(dots(distinct), [[0.2, 0.1], [0.3, 0.25]])
    names = [text.get_text().replace("\n", " ") for text in score.get_yticklabels()]
    assert names == ["weighted cross entropy", "modified pipeline (class distinctiveness)"]


def test_mean_and_interval_stand_beside_and_dots_fill_the_panel():
    axis = strips_figure(strips_frame()).axes[0]
    means = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "D"]
    assert means == pytest.approx([0.85, 0.725])
    expected = interval(pd.Series([0.8, 0.9]))
    assert [expected["low"], expected["high"]] in [list(line.get_xdata()) for line in axis.lines]
    assert axis.get_xlim() == pytest.approx((0.65, 0.95))  # a quarter of .2 beyond .7 and .9


def test_one_seed_and_equal_values_are_drawn():
    figure = strips_figure(frame_of(row("wbce", auroc_macro=0.8), row("cd", auroc_macro=0.8)))
    assert dots(figure.axes[0]) == [[0.8], [0.8]]


def test_nothing_to_show_is_no_figure():
    failed = frame_of(row("wbce", status="diverged", auroc_macro=np.nan))
    assert strips_figure(failed) is None
    assert strips_figure(strips_frame(), arms=["mimo"]) is None
    assert weights_figure(strips_frame()) is None
    assert ece_figure(failed) is None
    assert ece_figure(strips_frame(), arms=["mimo"]) is None


def weights_frame():
    def sweep(setting, weight, value, score, **fields):
        return row(
            setting,
            "weights",
            **{"distinct": 0.0, "coherent": 0.0, weight: value},
            auroc_macro=score,
            **fields,
        )

    return frame_of(
        sweep("cd_two_stage", "distinct", 0.5, 0.7, seed=0),
        sweep("cd_two_stage", "distinct", 0.5, 0.9, seed=1),
        sweep("sc_two_stage", "coherent", 10.0, 0.6),
        row("cd_two_stage", distinct=1.4, coherent=0.0, auroc_macro=0.75),
        row("cd_two_stage", distinct=2.8, coherent=0.0, auroc_macro=0.1, epochs=12),
        row("cd", distinct=1.4, coherent=0.0, auroc_macro=0.2),
        row("wbce", distinct=0.0, coherent=0.0, auroc_macro=0.5, seed=0),
        row("wbce", distinct=0.0, coherent=0.0, auroc_macro=0.6, seed=1),
    )


def test_weights_with_the_saliency_arm_s_own_and_zero_as_a_line():
    figure = weights_figure(weights_frame())
    distinct, coherent = figure.axes
    seeds, means = distinct.lines[1:]
    assert seeds.get_xydata().tolist() == [[0.5, 0.7], [0.5, 0.9], [1.4, 0.75]]
    np.testing.assert_allclose(means.get_xydata(), [[0.5, 0.8], [1.4, 0.75]])
    assert coherent.lines[1].get_xydata().tolist() == [[10.0, 0.6]]
    for axis in figure.axes:
        assert axis.lines[0].get_ydata()[0] == pytest.approx(0.55)
        assert axis.get_xscale() == "log"
    assert [text.get_text() for text in distinct.get_xticklabels()] == ["0.5", "1.4"]


def test_one_sweep_alone_and_without_a_plain_run():
    frame = weights_frame()
    frame = frame[frame["setting"].eq("sc_two_stage")]
    figure = weights_figure(frame)
    assert len(figure.axes) == 1
    assert figure.axes[0].get_xlabel() == "λ2, spatial coherence"
    assert len(figure.axes[0].lines) == 2


def ece_frame():
    values = {("losses", "bce"): (0.03, 0.02), ("losses", "focal"): (0.1, 0.05), ("mimo", "bce"): (0.2, 0.15)}
    return frame_of(
        *(
            row(setting, arm, calibrator, ece=value + 0.001 * seed, seed=seed)
            for (arm, setting), pair in values.items()
            for calibrator, value in zip(("none", "platt"), pair, strict=True)
            for seed in (0, 1)
        )
    )


def floor_frame(**changed):
    columns = {"arm": "losses", "calibrator": "none", "low": 0.01, "mean": 0.015, "high": 0.02} | changed
    return pd.DataFrame([columns], index=pd.Index(["bce"], name="setting"))


def test_a_row_a_setting_and_calibrator():
    axis = ece_figure(ece_frame()).axes[0]
    shown = [line.get_xdata() for line in axis.lines]
    np.testing.assert_allclose(shown, [[v, v + 0.001] for v in (0.03, 0.02, 0.1, 0.05, 0.2, 0.15)])
    assert [line.get_marker() for line in axis.lines] == [*MARKERS[:2]] * 3
    heights = [line.get_ydata()[0] for line in axis.lines]
    assert heights == sorted(heights)
    assert len(set(heights)) == 6
    hues = [line.get_color() for line in axis.lines]
    assert hues == [PALETTE["baseline"], PALETTE["variant"]] * 3
    names = [text.get_text().replace("\n", " ") for text in axis.get_yticklabels()]
    assert names == ["cross entropy", "focal loss", "one input, all trained"]
    assert axis.get_xscale() == "log"


def test_a_floor_lies_behind_its_own_row_only():
    axis = ece_figure(ece_frame(), floor_frame()).axes[0]
    (bar,) = axis.patches
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((0.01, 0.02))
    assert bar.get_y() + bar.get_height() / 2 == pytest.approx(axis.lines[0].get_ydata()[0])
    assert axis.get_xlim()[0] < 0.01
    assert not ece_figure(ece_frame(), floor_frame(arm="saliency")).axes[0].patches


def test_an_error_of_zero_stays_visible():
    frame = ece_frame()
    frame.loc[0, "ece"] = 0.0
    axis = ece_figure(frame).axes[0]
    assert axis.get_xscale() == "linear"
    assert axis.get_xlim()[0] == 0
