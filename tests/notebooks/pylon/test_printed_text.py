"""The text against itself and against what was published elsewhere, worked by hand."""

import dataclasses
from pathlib import Path

import pytest
from scipy import stats

from pylon import printed_text as checks
from pylon.printed import Stated, read_numbers

NUMBERS = read_numbers(Path(__file__).resolve().parents[3] / "notebooks/pylon/printed")


def found(group, numbers=NUMBERS):
    return {check.check: check for check in group(numbers)}


def with_text(**values):
    text = NUMBERS.text | {key: Stated(value, "here", NUMBERS.text[key].of) for key, value in values.items()}
    return dataclasses.replace(NUMBERS, text=text)


def test_larger_input_helps_the_baseline_most():
    table = checks.input_size_table(NUMBERS).set_index("method")
    assert table["macro, gain"].round(2).to_dict() == {
        **{"Baseline": 0.11, "GradCAM": 0.11, "GradCAM++": -0.24, "XGradCAM": 0.06},
        **{"Li et al. (2018b)": 0.05, "FPN": 0.09, "PYLON": 0.03},
    }
    assert table.loc["FPN", ["Nodule, 256 px", "Nodule, 512 px"]].tolist() == [0.14, 0.36]
    (check,) = checks.input_size(NUMBERS)
    assert check.finding == "the order holds, the margin is smaller"
    assert check.values == pytest.approx(
        {
            **{"size_gain_baseline": 0.11, "size_gain_fpn": 0.09, "size_gain_pylon": 0.03},
            **{"margin_baseline_256": 0.16, "margin_baseline_512": 0.08},
            **{"margin_fpn_256": 0.10, "margin_fpn_512": 0.04},
        }
    )


def test_vindr():
    rows = found(checks.vindr)
    assert rows["second best on VinDr-CXR"].finding == "agrees"
    assert rows["classes of VinDr-CXR"].finding == 'the label left is "No finding"'
    moved = found(checks.vindr, with_text(vindr_second=0.35, vindr_abnormalities=14))
    assert [check.finding for check in moved.values()] == ["differs", "agrees"]


def test_masked_out_counts_differ_between_results_and_discussion():
    rows = found(checks.masked_out)
    assert [check.says for check in rows.values()] == [
        "10 of 14 and 12 of 14 classes",
        "13 of 20 and 14 of 20 classes",
    ]
    assert {check.finding for check in rows.values()} == {"differs"}
    same = found(checks.masked_out, with_text(masked_nih_discussion=10))
    assert same["best masked-out area, NIH"].finding == "agrees"


def test_ablation():
    rows = found(checks.ablation)
    smaller = rows["the ablated variant against the proposed model"]
    assert smaller.finding == "the smaller variant is at least as good"
    assert smaller.values["small_less_proposed"] == pytest.approx(0.02)
    assert rows["gains of PA and of the 1x1 head"].finding == "agrees"
    assert (
        found(checks.ablation, with_text(without_pa=0.59))["gains of PA and of the 1x1 head"].finding
        == "differs"
    )


def test_steps_below_the_spread_of_five_runs():
    spread = found(checks.ablation)["differences against a spread over seeds"]
    least = stats.t.isf(0.025, 8) * 0.03 * (2 / 5) ** 0.5
    assert spread.values["least_difference"] == pytest.approx(least)
    steps = {"UP 0 → 1": 0.20, "UP 1 → 2": 0.04, "UP 2 → 3": 0.01, "PA": 0.02, "head": 0.05}
    assert spread.values["ablations_below"] == sum(step < least for step in steps.values()) == 3
    assert spread.gives.endswith("UP 1 → 2, UP 2 → 3 and PA")


def test_pan_is_the_only_difference_with_deviations():
    rows = found(checks.pan)
    check = rows["PAN with and without GAP"]
    p = stats.ttest_ind_from_stats(0.37, 0.16, 5, 0.59, 0.03, 5, equal_var=False).pvalue
    assert check.values["pan_p"] == pytest.approx(p)
    assert p < check.values["pan_p_greatest"] < 0.05
    assert check.finding == "significant at 5 %"
    wider = found(checks.pan, with_text(pan_sd=0.2))["PAN with and without GAP"]
    assert wider.finding == "not significant at 5 % for every rounding"
    assert rows["significance of all other differences"].finding == "cannot be judged from the printed tables"


def test_areas_of_table_one_are_those_of_the_boxes():
    check = found(checks.areas)["average areas of Table 1"]
    shares = [0.032, 0.176, 0.069, 0.097, 0.042, 0.005, 0.094, 0.052]
    boxes = [180, 146, 153, 123, 85, 79, 120, 98]
    assert check.values["area_macro"] == pytest.approx(sum(shares) / 8)
    weighted = sum(a * b for a, b in zip(shares, boxes, strict=True)) / 984
    assert check.values["area_weighted"] == pytest.approx(weighted)
    assert check.values["areas_within"] == 10
    release = NUMBERS.authors["release"]
    wrong = {**NUMBERS.authors, "release": release | {"areas": release["areas"] | {"Mass": 0.05}}}
    moved = found(checks.areas, dataclasses.replace(NUMBERS, authors=wrong))
    assert moved["average areas of Table 1"].finding == "differs"


def test_data_sets():
    rows = found(checks.data_sets)
    assert rows["images of VOC 2012"].values == {"voc_images_excess": 5717 + 5823 - 11530}
    assert rows["images of VOC 2012"].finding == "differs"
    assert rows["the authors' lists of NIH images"].values == {
        "nih_listed_less_release": 78484 + 8040 + 25596 - 112120,
        "nih_shared_patients": 4385,
    }
    assert rows["the authors' own single run"].values == pytest.approx(
        {
            "single_weighted_less_printed": 0.608 - 0.61,
            "single_macro_less_printed": 0.593 - 0.60,
            "single_nodule_less_printed": 0.405 - 0.48,
        }
    )
