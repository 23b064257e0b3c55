"""The Sibnet report's printed numbers against each other, worked by hand, and on numbers that were changed."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest

from sibnet_calibration import printed_checks as checks
from sibnet_calibration.printed import (
    LABELS,
    MEAN,
    Stated,
    printed_table,
    read_numbers,
)

NUMBERS = read_numbers(Path(__file__).resolve().parents[3] / "notebooks/sibnet_calibration/printed")


def with_cell(number, loss, column, value):
    table = printed_table(NUMBERS, number)
    table.loc[loss, column] = value
    return dataclasses.replace(NUMBERS, tables=NUMBERS.tables | {number: table})


def with_text(**values):
    text = NUMBERS.text | {key: Stated(value, "here") for key, value in values.items()}
    return dataclasses.replace(NUMBERS, text=text)


def test_quoted_aucs_stand_in_no_table():
    values = checks.quoted_aucs(NUMBERS)
    assert values == pytest.approx(
        {
            **{"quoted_found": 0, "quoted_atelectasis_nearest": 0.8568 - 0.867},
            **{"quoted_edema_nearest": 0.675 - 0.691, "label_gap_quoted": 0.867 - 0.691},
            **{"label_gap_table41": 0.769 - 0.675, "label_gap_table42": 0.8350 - 0.8489},
        }
    )
    assert checks.quoted_aucs(with_cell("4.2", "Focal", "Atelectasis", 0.8674))["quoted_found"] == 1
    assert (
        checks.quoted_aucs(with_cell("4.2", "Focal", "Edema", 0.8674))["quoted_found"] == 0
    )  # another label


def test_nearest_cells_come_first():
    table = checks.nearest_table(NUMBERS)
    assert table["label"].value_counts().to_dict() == {"Atelectasis": 6, "Edema": 6}
    first = table.groupby("label").first()
    assert first.loc["Atelectasis", ["table", "loss", "printed"]].tolist() == ["4.2", "Focal", 0.8568]
    assert first.loc["Edema", ["table", "loss", "printed"]].tolist() == ["4.1", "Cross Entropy", 0.675]
    assert table.groupby("label")["difference"].apply(lambda d: d.abs().is_monotonic_increasing).all()


def test_mean_aucs_of_the_text():
    values = checks.mean_aucs(NUMBERS)
    assert values["mean_before_less_table41"] == pytest.approx(0.044)
    assert values["mean_after_less_table42"] == pytest.approx(-0.0041)
    assert values["mean_gain_text"] == pytest.approx(0.08)
    assert values["mean_gain_tables"] == pytest.approx(0.1281)
    assert values["table41_over_backbones"] == 0
    assert values["backbones_less_table41"] == pytest.approx(0.044)
    assert checks.mean_aucs(with_text(backbones_auc=0.747))["table41_over_backbones"] == 2


def test_means_of_the_printed_cells():
    table = checks.means_table(NUMBERS).set_index(["table", "loss"])
    for (number, loss), row in table.iterrows():
        cells = printed_table(NUMBERS, number).loc[loss, list(LABELS)]
        exact = sum(Fraction(f"{cell:.4f}") for cell in cells) / 5
        assert row["of cells"] == float(exact)
    assert table["rounded"].tolist() == [0.756, 0.745, 0.749, 0.8842, 0.8868, 0.8291]
    assert table["truncated"].tolist() == [0.756, 0.744, 0.749, 0.8841, 0.8867, 0.8290]
    assert checks.recomputed_means(NUMBERS) == {
        **{"means_possible": 6, "means_rounded_table41": 3, "means_truncated_table41": 2},
        **{"means_rounded_table42": 1, "means_truncated_table42": 2},
    }


@pytest.mark.parametrize(("mean", "possible"), [(0.8841, 6), (0.8842, 6), (0.8840, 5), (0.8843, 5)])
def test_means_that_rounding_of_the_cells_allows(mean, possible):
    # The cells' mean is .88416; unrounded, at least .88411 and at most .88421: .8841 or .8842.
    values = checks.recomputed_means(with_cell("4.2", "Cross Entropy", MEAN, mean))
    assert values["means_possible"] == possible


def test_custom_loss_by_label():
    assert checks.labels_against_means(NUMBERS) == pytest.approx(
        {
            **{"custom_gain": -0.011, "custom_above": 1, "custom_below": 4},
            **{
                "modified_gain": -0.007,
                "modified_above": 1,
                "modified_below": 3,
            },  # level in Pleural Effusion
            **{"modified_custom_gain": 0.004, "modified_custom_above": 4, "modified_custom_below": 1},
            **{"custom_gain_cardiomegaly": 0.043, "modified_gain_cardiomegaly": 0.046},
        }
    )
    moved = checks.labels_against_means(with_cell("4.1", "Custom", "Edema", 0.676))
    assert (moved["custom_above"], moved["custom_below"]) == (2, 3)


def test_gains_are_differences_of_the_rows():
    table = checks.gains_table(NUMBERS)
    for row in table.to_dict("records"):
        cells = printed_table(NUMBERS, row["table"])
        expected = [cells.loc[row["loss"], label] - cells.loc[row["against"], label] for label in LABELS]
        assert [row[label] for label in LABELS] == pytest.approx(expected)
        assert row["above"] + row["below"] + sum(abs(gain) < 1e-9 for gain in expected) == 5
    assert table["above"].tolist() == [1, 1, 4, 3, 1]


def test_focal_gain_but_for_one_label():
    values = checks.focal_and_deep_auc(NUMBERS)
    assert values["focal_gain"] == pytest.approx(0.0026)
    assert values["focal_gain_atelectasis"] == pytest.approx(0.0218)
    # Cardiomegaly, Consolidation, Edema, Pleural Effusion
    assert values["focal_gain_other_labels"] == pytest.approx((0.0045 - 0.0104 - 0.0042 + 0.0013) / 4)
    assert (values["focal_above"], values["focal_below"]) == (3, 2)
    assert (values["deepauc_gain"], values["deepauc_above"]) == (-0.055, 1)


def test_calibration():
    values = checks.calibration(NUMBERS)
    assert values == pytest.approx(
        {
            **{"ece_drop_ce": 0.0151, "ece_drop_focal": 0.0672, "ece_drop_deepauc": 0.1356},
            **{"ece_drop_deepauc_less_text": 0, "ece_place_ce_before": 1, "ece_place_ce_after": 2},
            **{"ece_place_deepauc_after": 1, "ece_ce_less_deepauc_after": 0.0004},
            **{"ece_spread_before": 0.2348 - 0.1147, "ece_spread_after": 0.1091 - 0.0992},
        }
    )
    table = checks.calibration_table(NUMBERS).set_index("loss")
    assert table["order before"].to_dict() == {"Cross Entropy": 1, "Focal": 2, "DeepAUC": 3}
    assert table["order after"].to_dict() == {"Cross Entropy": 2, "Focal": 3, "DeepAUC": 1}


def test_one_of_two_losses_has_no_result():
    assert checks.blame(NUMBERS) == {"losses_blamed_untested": 1}
    assert checks.blame(with_text(losses_with_results=2)) == {"losses_blamed_untested": 0}


def test_images_of_the_validation_set():
    assert checks.validation_set(NUMBERS) == {"validation_less_frontal": -2, "validation_less_all": -34}
