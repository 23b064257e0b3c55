import math

import numpy as np
import pandas as pd
import pytest

from heatmap_loss import contrasts, printed, tables


@pytest.fixture
def frame():
    """Two groups of three models by hand, one excluded by accuracy and one collapsed."""
    columns = "experiment arm group form weight seed status reason kept exclusion "
    columns += "val_accuracy test_accuracy heart_share label_share"
    low = "validation accuracy 0.912, not above 0.95"
    rows = [
        (2, "main", "cce", "mean", 1.0, 0, "ok", "", True, "", 1.0, 1.0, 0.20, 4e-3),
        (2, "main", "cce", "mean", 1.0, 1, "ok", "", True, "", 0.99, 0.99, 0.24, 2e-3),
        (2, "main", "cce", "mean", 1.0, 2, "ok", "", True, "", 1.0, 1.0, 0.22, 3e-3),
        (2, "main", "heatmap", "mean", 1.0, 0, "ok", "", True, "", 1.0, 1.0, 0.70, 1e-4),
        (2, "main", "heatmap", "mean", 1.0, 1, "ok", "", True, "", 1.0, 0.98, 0.90, 0.0),
        (2, "main", "heatmap", "mean", 1.0, 2, "ok", "", True, "", 1.0, 1.0, 0.80, 2e-4),
        (2, "main", "heatmap", "mean", 1.0, 3, "ok", "", False, low, 0.912, 0.9, 0.1, 0.0),
        (2, "main", "mse", "mean", 1.0, 0, "collapsed", "predicts 1 of 4 classes", None, None, *[np.nan] * 4),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns.split())
    for name in ("hot_cells", "dead_share", "outside_reliance", "heart_share_grad_cam"):
        frame[name] = 1.0
    return tables.tidy(frame, label_area=2e-3)


def test_tidy_keeps_failed_runs_with_their_reason(frame):
    assert frame["kept"].tolist() == [True] * 6 + [False] * 2
    assert frame["exclusion"].iloc[-1] == "collapsed: predicts 1 of 4 classes"
    assert frame["label_share_over_area"].iloc[0] == pytest.approx(2.0)
    assert frame["arm_group"].iloc[3] == "main heatmap"


def test_medians_exclusions_and_choices(frame):
    medians = tables.groups_table(frame).set_index("group")
    assert medians.loc["CCE", "heat in heart"] == pytest.approx(0.22)
    assert medians.loc["heatmap loss", "models"] == 3
    assert "MSE only" not in medians.index
    table = tables.exclusions_table(frame).set_index("group")
    assert table.loc["heatmap loss", ["trained", "kept"]].tolist() == [4, 3]
    assert table.loc["heatmap loss", "excluded because"] == "1 × validation accuracy, not above 0.95"
    assert table.loc["MSE only", "excluded because"] == "1 × collapsed: predicts 1 of 4 classes"
    assert pd.isna(table.loc["CCE", "excluded because"])
    assert tables.choices_table(frame)["heat in heart, median"].tolist() == [pytest.approx(0.8)]


def test_tests_of_three_against_three_by_hand(frame):
    test = contrasts.mann_whitney_table(frame).set_index("region").loc["heart"]
    assert test["U"] == 0  # no x above any y
    assert test["p exact"] == test["p floor"] == pytest.approx(0.1)  # 2 of C(6, 3) = 20
    assert test["p Holm"] == pytest.approx(0.1)  # within a region, and this frame has one contrast
    normal = contrasts.shapiro_table(frame)
    equal_steps = normal[(normal["group"] == "CCE") & (normal["region"] == "heart")].iloc[0]
    assert equal_steps["W"] == pytest.approx(1.0)  # three equidistant values lie on the line


def test_accuracy(frame):
    table = contrasts.accuracy_table(frame).set_index("group")
    assert table.loc["CCE", "exactly 1"] == 2
    assert table.loc["CCE", "lowest"] == pytest.approx(0.99)
    assert table.loc["CCE", "heatmap minus this"] == 0  # median of the nine differences
    assert table.loc["MSE only", ["trained", "kept"]].tolist() == [1, 0]
    perfect = contrasts.accuracy_table(frame.assign(test_accuracy=1.0)).set_index("group")
    assert perfect.loc["CCE", "90 % interval"] == "+0.0000\u00a0to\u00a0+0.0000"
    assert perfect.loc["CCE", "TOST p, ranks"] == pytest.approx(0.05)  # 1 of C(6, 3) = 20


def test_scalars(frame):
    values = contrasts.scalars(frame, contrasts.shapiro_table(frame))
    assert values["groups_without_a_perfect_model"] == 0
    assert -16 < values["log10_largest_shapiro_p_exp2"] <= 0
    worse = frame.assign(test_accuracy=frame["test_accuracy"].where(frame["group"] != "cce", 0.97))
    assert contrasts.scalars(worse, contrasts.shapiro_table(frame))["groups_without_a_perfect_model"] == 1
    nobody = contrasts.scalars(frame.assign(kept=False), contrasts.shapiro_table(frame.head(2)))
    assert all(np.isnan(value) for value in nobody.values())


def test_paired_by_seed_by_hand(frame):
    six = pd.concat([frame.head(6).assign(seed=lambda rows, k=k: rows["seed"] + 3 * k) for k in range(2)])
    table = contrasts.paired_table(six.assign(toggle_change=0.5)).set_index("measure")
    assert (table.loc["heart", "pairs"], table.loc["heart", "pairs with y < x"]) == (6, "0/6")
    # Differences .50 .66 .58, each twice: the Walsh averages' median is .58; six signs alike: p = 2/2^6 without ties
    assert table.loc["heart", "pseudomedian y - x"] == pytest.approx(0.58)
    assert table.loc["heart", "signed-rank p"] < 0.05
    assert "label switched: change" not in table.index  # no difference at all: nothing to test


def test_frames_of_failed_runs_give_empty_tables(frame):
    failed = frame[["experiment", "arm", "group", "form", "weight", "seed"]]
    empty = tables.tidy(failed.assign(status="collapsed", reason="x"), 0.0)
    ours = (contrasts.shapiro_table, contrasts.mann_whitney_table, contrasts.paired_table)
    for make in (tables.groups_table, tables.choices_table, *ours):
        assert len(make(empty)) == 0, make
    assert contrasts.accuracy_table(empty)["kept"].tolist() == [0, 0, 0]


def test_the_authors_numbers():
    text = printed.deviations()
    # floors and exact p of 25/23, 23/22 by an independent computation; 95 % of the pairs; 5 of 26 exclusions
    for words in ("3e-09 and 1e-08", "6e-14", "5e-13", "95%", "0.0033", "0.49", "5 of the authors' 26"):
        assert words in text, words
    lines = printed.reference_lines({"area": 0.01}, 2, "sex label", log10=True)
    medians = {"authors, CCE": math.log10(5.7e-5), "authors, heatmap loss": math.log10(6e-10)}
    assert lines == {"area": -2.0, **medians}
