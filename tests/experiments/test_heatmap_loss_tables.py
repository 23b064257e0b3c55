import numpy as np
import pandas as pd
import pytest

from papers_lib.experiments import heatmap_loss_tables as tables
from papers_lib.experiments import heatmap_loss_tests as tests


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
    assert heart["p Holm"] == pytest.approx(0.2)  # two tests: heart and label


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
    assert table.loc["MSE only", "models"] == 0


def test_accuracy_table_when_every_model_is_perfect(frame):
    table = tests.accuracy_table(frame.assign(test_accuracy=1.0)).set_index("group")
    assert table.loc["CCE", "90 % interval"] == tests.span(0, 0, "+.4f")
    assert table.loc["CCE", "TOST p, ranks"] == pytest.approx(0.05)  # 1 of C(6, 3) = 20
    assert pd.isna(table.loc["CCE", "TOST p, Welch"])


def test_scalars(frame):
    values = tests.scalars(frame, tests.shapiro_table(frame))
    assert values["groups_with_a_perfect_model"] == 2
    assert values["imperfect_heatmap_models"] == 1  # .98; the excluded one does not count
    assert -16 < values["log10_largest_shapiro_p_exp2"] <= 0


def test_power_table_knows_complete_separation_needs_four_a_group(frame):
    heart = tests.power_table(frame, sizes=(3, 4)).set_index("region").loc["heart"]
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
