"""The page's table of the Sibnet report's printed numbers: findings that move with the numbers, and the scalars."""

import dataclasses
import math
from pathlib import Path

import pytest

from sibnet_calibration.printed import (
    AFTER,
    LABELS,
    Stated,
    printed_table,
    read_numbers,
)
from sibnet_calibration.printed_rows import CHECKS, checks_table, scalars

NUMBERS = read_numbers(Path(__file__).resolve().parents[3] / "notebooks/sibnet_calibration/printed")
VALUES = scalars(NUMBERS)


def finding(check, numbers=NUMBERS):
    return checks_table(numbers).set_index("check").loc[check, "finding"]


def with_cells(number, cells):
    table = printed_table(NUMBERS, number)
    for (loss, column), value in cells.items():
        table.loc[loss, column] = value
    return dataclasses.replace(NUMBERS, tables=NUMBERS.tables | {number: table})


def with_text(**values):
    text = NUMBERS.text | {key: Stated(value, "here") for key, value in values.items()}
    return dataclasses.replace(NUMBERS, text=text)


def test_a_row_a_check_with_every_field_filled():
    table = checks_table(NUMBERS)
    assert table.columns.tolist() == ["check", "where", "the text says", "the tables give", "finding"]
    assert len(table) == len(CHECKS)
    assert table["check"].is_unique
    assert table.map(lambda text: bool(text.strip()) and "{" not in text and "nan" not in text).all(axis=None)


def test_only_the_drop_in_ece_agrees():
    table = checks_table(NUMBERS)
    assert table.loc[table["finding"] == "agrees", "check"].tolist() == ["drop in ECE"]


EDITED = {
    "AUCs quoted for cross entropy": with_text(atelectasis_auc=0.835, edema_auc=0.675),
    "mean AUC of cross entropy": with_text(mean_auc_before=0.756, backbones_auc=0.75),
    "means of the printed cells": with_cells(
        "4.2", {("Cross Entropy", "Mean"): 0.8842, ("Focal", "Mean"): 0.8868}
    ),
    "custom loss and modified pipeline against cross entropy": with_cells(
        "4.1", {("Custom", "Cardiomegaly"): 0.764, ("Modified Pipeline", "Cardiomegaly"): 0.764}
    ),
    "focal and DeepAUC loss against cross entropy": with_cells("4.2", {("Focal", "Edema"): 0.9}),
    "differences of means against their standard errors": with_cells("4.2", {("Focal", "Mean"): 0.95}),
    "the best calibrated loss": with_cells("4.3", {("Cross Entropy", AFTER): 0.09}),
    "losses without benefit": with_text(losses_with_results=2),
    "images of the validation set": with_text(validation_images=202),
}


@pytest.mark.parametrize("check", EDITED)
def test_a_finding_follows_the_numbers(check):
    assert finding(check) != "agrees"
    assert finding(check, EDITED[check]) == "agrees"


def test_another_drop_would_differ():
    assert finding("drop in ECE", with_text(deepauc_drop=0.1256)) == "differs"


def test_a_name_has_one_value_and_all_are_finite():
    values = [(name, value) for check in CHECKS for name, value in check.values(NUMBERS).items()]
    assert len({name for name, _ in values}) == len({(name, round(value, 9)) for name, value in values})
    assert {f"printed_{name}" for name, _ in values} | {f"printed_text_{key}" for key in NUMBERS.text} == {
        *VALUES
    }
    assert all(math.isfinite(value) for value in VALUES.values())


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("quoted_found", 0),
        ("label_gap_table42", -0.0139),
        ("mean_before_less_table41", 0.044),
        ("means_truncated_table42", 2),
        ("custom_gain_cardiomegaly", 0.043),
        ("modified_custom_gain", 0.004),
        ("focal_gain", 0.0026),
        ("ece_drop_deepauc", 0.1356),
        ("ece_ce_less_deepauc_after", 0.0004),
        ("losses_blamed_untested", 1),
        ("text_deepauc_drop", 0.1356),
    ],
)
def test_scalars_by_hand(name, by_hand):
    assert VALUES[f"printed_{name}"] == by_hand  # exactly: binary dust would spoil a rule on a printed number


def test_labels_are_those_of_the_counts():
    assert len(LABELS) == VALUES["printed_text_labels"]
