import numpy as np
import pandas as pd
import pytest

from heatmap_loss import tables, tests


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


def test_groups_table_has_medians_of_the_kept(frame):
    table = tables.groups_table(frame).set_index("group")
    assert table.loc["CCE", "heat in heart"] == pytest.approx(0.22)
    assert table.loc["heatmap loss", "models"] == 3
    assert "MSE only" not in table.index


def test_exclusions_count_reasons(frame):
    table = tables.exclusions_table(frame).set_index("group")
    assert table.loc["heatmap loss", ["trained", "kept"]].tolist() == [4, 3]
    assert table.loc["heatmap loss", "excluded because"] == "1 × validation accuracy, not above 0.95"
    assert table.loc["MSE only", "excluded because"] == "1 × collapsed: predicts 1 of 4 classes"
    assert pd.isna(table.loc["CCE", "excluded because"])


def test_mann_whitney_of_three_against_three_by_hand(frame):
    heart = tests.mann_whitney_table(frame).set_index("region").loc["heart"]
    assert heart["U"] == 0  # no x above any y
    assert heart["p exact"] == heart["p floor"] == pytest.approx(0.1)  # 2 of C(6, 3) = 20
    assert heart["p Holm"] == pytest.approx(0.1)  # within a region, and this frame has one contrast


def test_effects_of_three_against_three_by_hand(frame):
    heart = tests.effects_table(frame).set_index("region").loc["heart"]
    assert heart["rank-biserial"] == 1
    assert heart["P(x > y)"] == 0
    assert heart["shift y - x"] == pytest.approx(0.58)  # median of .70 .80 .90 less .20 .22 .24
    assert heart["Cohen's d"] == pytest.approx(-0.58 / np.sqrt((0.02**2 + 0.1**2) / 2))


def test_shapiro_takes_groups_of_three(frame):
    table = tests.shapiro_table(frame)
    assert set(table["group"]) == {"CCE", "heatmap loss"}
    equal_steps = table[(table["group"] == "CCE") & (table["region"] == "heart")].iloc[0]
    assert equal_steps["W"] == pytest.approx(1.0)  # three equidistant values lie on the line


def test_accuracy_table(frame):
    table = tests.accuracy_table(frame).set_index("group")
    assert table.loc["CCE", "exactly 1"] == 2
    assert table.loc["CCE", "lowest"] == pytest.approx(0.99)
    assert table.loc["CCE", "heatmap minus this"] == 0  # median of the nine differences
    assert table.loc["CCE", "TOST p, Welch"] > 0.05  # three models cannot show equality within .01
    assert table.loc["CCE", "TOST p, ranks"] >= 0.05  # the floor of one-sided p at 3 against 3
    assert table.loc["MSE only", ["trained", "kept"]].tolist() == [1, 0]


def test_accuracy_table_when_every_model_is_perfect(frame):
    table = tests.accuracy_table(frame.assign(test_accuracy=1.0)).set_index("group")
    assert table.loc["CCE", "90 % interval"] == tests.span(0, 0, "+.4f")
    assert table.loc["CCE", "TOST p, ranks"] == pytest.approx(0.05)  # 1 of C(6, 3) = 20
    assert pd.isna(table.loc["CCE", "TOST p, Welch"])


def test_scalars(frame):
    values = tests.scalars(frame, tests.shapiro_table(frame))
    assert values["groups_without_a_perfect_model"] == 0
    worse = frame.assign(test_accuracy=frame["test_accuracy"].where(frame["group"] != "cce", 0.97))
    assert tests.scalars(worse, tests.shapiro_table(frame))["groups_without_a_perfect_model"] == 1
    nobody = tests.scalars(frame.assign(kept=False), tests.shapiro_table(frame.head(2)))
    assert all(np.isnan(value) for value in nobody.values())
    assert -16 < values["log10_largest_shapiro_p_exp2"] <= 0


def test_power_table_knows_complete_separation_needs_four_a_group(frame):
    heart = tests.power_table(frame, sizes=(3, 4)).set_index("measure").loc["heart"]
    assert heart["models for 80 %"] == 6  # (1.960 + .842)² / (6 · .5²) = 5.2
    # The floor of p is .1 at 3 against 3 and .029 at 4 against 4; resampling with ties blurs both a little.
    assert heart["power at 3"] < 0.05 < 0.9 < heart["power at 4"]


def test_definitions_take_the_largest_weight_that_keeps_the_accuracy(frame):
    extra = (
        frame[frame["group"] == "heatmap"]
        .head(3)
        .assign(arm="weight", weight=10.0, val_accuracy=[0.9, 0.98, 1.0])
    )
    other = extra.assign(form="dice", weight=0.1, val_accuracy=1.0, heart_share=0.5)
    rest = frame[frame["seed"] != 3]
    table = tables.definitions_table(pd.concat([rest, extra, other])).set_index("definition")
    assert table.loc["mean", "weight"] == 1.0  # at 10 the median validation accuracy is .98
    assert table.loc["dice", "heat in heart"] == pytest.approx(0.5)


def test_choices_name_the_control(frame):
    table = tables.choices_table(frame)
    assert table["heatmap term"].tolist() == ["as coded: HiResCAM, predicted class, point-sampled mask"]
    assert table["heat in heart, median"].tolist() == [pytest.approx(0.8)]


def test_paired_by_seed_by_hand(frame):
    six = pd.concat([frame.head(6).assign(seed=lambda rows, k=k: rows["seed"] + 3 * k) for k in range(2)])
    table = tests.paired_table(six.assign(toggle_change=0.5)).set_index("measure")
    assert table.loc["heart", "pairs"] == 6
    assert table.loc["heart", "pairs with y < x"] == "0/6"
    # Differences .50 .66 .58, each twice: the Walsh averages' median is .58; six signs alike: p = 2/2^6 without ties
    assert table.loc["heart", "pseudomedian y - x"] == pytest.approx(0.58)
    assert table.loc["heart", "signed-rank p"] < 0.05
    assert "label switched: change" not in table.index  # no difference at all: nothing to test


def test_frames_of_failed_runs_give_empty_tables(frame):
    failed = frame[["experiment", "arm", "group", "form", "weight", "seed"]].assign(
        status="collapsed", reason="x"
    )
    empty = tables.tidy(failed, 0.0)
    ours = (
        tests.shapiro_table,
        tests.mann_whitney_table,
        tests.effects_table,
        tests.paired_table,
        tests.power_table,
    )
    for make in (tables.groups_table, tables.choices_table, *ours):
        assert len(make(empty)) == 0, make
    assert tests.accuracy_table(empty)["kept"].tolist() == [0, 0, 0]


def test_setup_names_what_differs(frame):
    columns = {
        "weights": "random",
        "train_features": True,
        "epochs": 5,
        "batch_size": 16,
        "lr_low": 4e-4,
        "lr_high": 1e-3,
        "mixed": True,
    }
    table = tables.setup_table(frame.assign(**columns))
    assert table["mixed precision"].all()
    assert table["learning rate"].tolist() == ["0.0004 to 0.001"] * 3
    assert table["models"].tolist() == [3, 4, 1]
