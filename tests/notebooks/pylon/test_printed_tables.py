"""Tables 1 to 4 against the text: counts against lists of classes made by hand."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from pylon import printed_tables as checks
from pylon.printed import MACRO, Stated, printed_table, read_numbers
from pylon.printed_rows import against_all, listed, rivals_of

NUMBERS = read_numbers(Path(__file__).resolve().parents[3] / "notebooks/pylon/printed")


def values_of(group, numbers=NUMBERS):
    return {name: value for check in group(numbers) for name, value in check.values.items()}


def with_cell(number, row, column, value):
    table = printed_table(NUMBERS, number)
    table.loc[row, column] = value
    return dataclasses.replace(NUMBERS, tables={**NUMBERS.tables, number: table})


def with_text(key, value):
    return dataclasses.replace(NUMBERS, text={**NUMBERS.text, key: Stated(value, "here")})


# By hand: PYLON against the best of the methods trained as it was.
AHEAD = {
    (1, "PYLON"): "Atelectasis Infiltration Mass Nodule",
    (2, "PYLON"): "Atelectasis Mass Nodule Pneumonia",
    (3, "PYLON"): "Atelectasis,Calcification,Consolidation,ILD,Infiltration,Lung Opacity,Nodule/Mass,"
    "Pleural effusion,Pulmonary fibrosis",
    (4, "PYLON"): "Bicycle",
}
BEHIND = {
    (1, "PYLON"): "Cardiomegaly Effusion Pneumothorax",
    (2, "PYLON"): "Pneumothorax",
    (3, "PYLON"): "Aortic enlargement,Cardiomegaly,Other lesion,Pleural thickening,Pneumothorax",
    (3, "PYLON two-phase"): "Cardiomegaly,Pneumothorax",  # Baseline with transfer: .83 and .33
    (4, "PYLON two-phase"): "Boat diningtable sofa",
}


def names(text):
    return text.split(",") if "," in text else text.split()


@pytest.mark.parametrize(("number", "method"), AHEAD)
def test_classes_in_which_pylon_is_best(number, method):
    assert against_all(printed_table(NUMBERS, number), method).ahead == names(AHEAD[number, method])


@pytest.mark.parametrize(("number", "method"), BEHIND)
def test_classes_in_which_another_method_is_better(number, method):
    assert against_all(printed_table(NUMBERS, number), method).behind == names(BEHIND[number, method])


def test_rivals_share_the_training_as_far_as_it_is_printed():
    table = printed_table(NUMBERS, 3)
    alone = ["Baseline", "GradCAM", "GradCAM++", "XGradCAM", "Li et al. (2018b)", "FPN"]
    assert rivals_of(table, "PYLON") == alone
    assert rivals_of(table, "PYLON two-phase") == [*alone, "Baseline with transfer"]
    assert rivals_of(printed_table(NUMBERS, 4), "PYLON two-phase") == alone


def test_baseline_and_grad_cam_differ_in_one_cell():
    check, advanced = checks.identity(NUMBERS)
    assert check.values == {"identity_cells": 8 + 8 + 14 + 20, "identity_differing": 1}
    assert check.gives.endswith("not in Atelectasis of Table 1 (0.31 and 0.30)")
    assert advanced.finding == "agrees"
    moved = with_cell(4, "Boat", "XGradCAM", 0.53)
    assert [check.finding for check in checks.identity(moved)][1] == "differs"


def test_averages_are_those_of_the_classes():
    table = checks.averages_table(NUMBERS)
    assert table["within rounding"].all()
    kinds = table.groupby(["table", "average"]).size().to_dict()
    assert kinds == {(1, "macro"): 11, (1, "weighted"): 11, (2, "macro"): 8, (2, "weighted"): 8, (3, "macro"): 11,
                     (4, "macro"): 9}  # fmt: skip
    row = table.set_index(["table", "average", "column"]).loc[1, "weighted", "PYLON"]
    by_hand = (
        0.50 * 180 + 0.99 * 146 + 0.54 * 153 + 0.71 * 123 + 0.67 * 85 + 0.48 * 79 + 0.71 * 120 + 0.20 * 98
    )
    assert row["recomputed"] == pytest.approx(by_hand / 984)
    moved = checks.averages_table(with_cell(1, MACRO, "PYLON", 0.62))
    assert moved.loc[~moved["within rounding"], "column"].tolist() == ["PYLON"]


def test_sizes_exist_for_the_weighted_averages_that_cannot_be_recomputed():
    (check,) = checks.recomputed(NUMBERS)
    assert [check.values[f"weights_exist_table{n}"] for n in (1, 2, 3, 4)] == [True] * 4
    assert "some sizes give all columns" in check.finding
    assert "Tables 3 and 4" in check.finding


def test_text_against_counts_of_best_classes():
    found = list(checks.best(NUMBERS))
    assert [check.finding for check in found] == [
        "below another method in 3",
        "below another method in 1",
        "differs",  # 9, and no tie
        "holds if a tie counts",  # 16 and train
    ]
    assert values_of(checks.best) == {
        **{"best_table1": 4, "tied_table1": 1, "best_table2": 4, "tied_table2": 3},
        **{"best_table3": 9, "tied_table3": 0, "best_table4": 16, "tied_table4": 1},
    }
    for key, number, position in (("vindr_highest", 9, 2), ("voc_best", 16, 3)):
        assert list(checks.best(with_text(key, number)))[position].finding == "agrees"


def test_the_second_best():
    assert values_of(checks.second) == {"second_atelectasis": 0.39, "second_nodule": 0.15}
    assert [check.finding for check in checks.second(NUMBERS)] == ["differs", "agrees"]
    assert "0.39 (FPN)" in next(checks.second(NUMBERS)).gives


def test_small_objects_need_two_phases():
    found = {(check.check, check.where): check for check in checks.small_objects(NUMBERS)}
    assert found["small objects, PYLON", "Discussion; Table 4"].gives == (
        "Bottle 0.45 against 0.47; pottedplant 0.63 against 0.66; tvmonitor 0.62 against 0.72"
    )
    assert found["small objects, PYLON", "Discussion; Table 4"].finding == "differs"
    assert found["small objects, PYLON two-phase", "Discussion; Table 4"].finding == "agrees"
    assert values_of(checks.small_objects) == {
        **{f"small_best_table{n}": 1 for n in (1, 2, 3)},
        **{"small_best_table4": 0, "small_best_table4_two_phase": 3},
        **{"small_second_segmentation": 6, "small_second_classes": 6},
        **{"tiny_vindr_best": 2, "tiny_vindr_classes": 4},
    }


def test_phases():
    assert values_of(checks.phases) == pytest.approx(
        {
            **{"one_phase_best": 1, "one_phase_fpn_ahead": 16},
            **{"two_phase_gain_table3": 0.07, "two_phase_worse_table3": 2},
            **{"two_phase_gain_table4": 0.06, "two_phase_worse_table4": 2},
        }
    )
    three, four = list(checks.phases(NUMBERS))[1:]
    assert three.gives.endswith("worse in Infiltration and Pneumothorax")
    assert four.gives.endswith("worse in Boat and diningtable")


def test_which_average_the_text_quotes():
    findings = [check.finding for check in checks.macro_or_weighted(NUMBERS)]
    quoted = "the weighted averages, quoted as macro"
    assert findings == ["agrees", quoted, quoted, "a weighted average against a macro one"]
    moved = with_text("discussion_vindr_standard", 0.49)
    assert [check.finding for check in checks.macro_or_weighted(moved)][3] == "agrees"
    moved = with_text("discussion_voc_one_phase", 0.70)
    assert [check.finding for check in checks.macro_or_weighted(moved)][2] == "differs"


def test_small_classes_are_those_of_the_smallest_areas():
    table = printed_table(NUMBERS, 4).iloc[2:]
    assert {*table["avg_area"].nsmallest(3).index} == {*checks.SMALL[4]}
    assert isinstance(table, pd.DataFrame)


def test_names_in_a_phrase():
    assert [listed([]), listed([1]), listed(["a", "b"])] == ["none", "1", "a and b"]
