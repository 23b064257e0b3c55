"""Table I, Fig. 3 and the text of the CAM-entropy paper: verdicts, and values worked by hand."""

import copy
import math
from pathlib import Path

import pandas as pd
import pytest

from cam_entropy.printed import (
    OFFSET,
    arithmetic_table,
    less_offset,
    printed_table,
    read_numbers,
    scalars,
)
from cam_entropy.printed_checks import CHECKS, outcomes

NUMBERS = read_numbers(Path(__file__).resolve().parents[2] / "notebooks/cam_entropy/printed/authors.yaml")
VALUES = scalars(NUMBERS)


def test_verdicts_of_table_one():
    table = printed_table(NUMBERS)
    assert dict(zip(table["quantity"], table["verdict"], strict=True)) == {
        "cd as σ²/μ² (equation 3)": "out of reach",
        "cd as σ/μ": "within",
        "ce (equation 1)": "out of reach",
        "ce / ln HW": "out of reach",
        "ce, logarithm of any base, β = 100 over β = 0": "out of reach",
        "ce / ln HW, given cd as σ²/μ²": "β = 0: within; β = 100: out of reach",
        "ca in cells (equation 2)": "out of reach",
        "ca, any unit of length, β = 100 over β = 0": "within",
        "largest logit, no biases, Z = HW": "out of reach",
        "largest logit, no biases, any Z, β = 100 over β = 0": "out of reach",
    }
    ratio = table.iloc[4]
    assert math.isnan(ratio["β = 0"])
    assert ratio["β = 100"] == pytest.approx(0.923 / 0.991)
    assert (ratio["bounds, β = 0"], ratio["bounds, β = 100"]) == ("", "0.9801 to 1.003")


def test_a_table_with_other_numbers_gets_other_verdicts():
    numbers = copy.deepcopy(NUMBERS)
    numbers["table1"]["ce"] |= {"beta0": 3.58, "beta100": 3.55}
    numbers["table1"]["cd"] |= {"beta0": 0.01, "beta100": 0.1}
    verdicts = printed_table(numbers)["verdict"].tolist()
    mixed = "β = 0: out of reach; β = 100: within"  # β = 0 keeps a dispersion too small for σ/μ
    assert verdicts[:3] == ["within", mixed, "within"]
    assert verdicts[4] == "within"


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("cd_greatest_beta0", 0.329**2 / (4 * 1.029 * 1.358)),
        ("cd_greatest_beta100", 1.181**2 / (4 * 1.039 * 2.220)),
        ("cv_greatest_beta0", 0.329 / (2 * math.sqrt(1.029 * 1.358))),
        ("cv_greatest_beta100", 1.181 / (2 * math.sqrt(1.039 * 2.220))),
        ("cd_over_greatest_beta0", 3.976),
        ("cv_over_greatest_beta100", 0.661),
        ("ce_least_beta0", 3.5739),
        ("ce_least_beta100", 3.5121),
        ("ce_norm_least_beta0", 0.9973),
        ("ce_norm_least_beta100", 0.9801),
        ("ce_given_cd_least_beta100", 1 - math.log(1.257) / math.log(36)),
        ("ce_most_cells_beta0", 2),
        ("ce_most_cells_beta100", 2),
        ("ca_least_beta0", 35 / 12 * 1.029 / 1.358),
        ("ca_least_beta100", 35 / 12 * 1.039 / 2.220),
        ("ca_uniform", 35 / 12),
        ("ca_limit", 6.25),
        ("ca_sides_beta0", 0),
        ("ca_sides_beta100", 2),
        ("bias_part_least_beta0", 20.1 - 36 * 1.358),
        ("bias_part_greatest_beta0", 20.1 - 36 * 1.029),
        ("bias_part_least_beta100", 80.8 - 36 * 2.220),
        ("logit_ratio_over_greatest", (80.8 / 20.1) / (2.220 / 1.029)),
        ("relative_difference_beta0", 0.3197),
        ("relative_difference_beta100", 1.1367),
        ("sample_area_change", -0.09885),
        ("sample_dispersion_factor", 3.338),
        ("sample_dispersion_factor_squared", 11.14),
        ("epoch_ratio", 502 / 275),
        ("voc_train_images", 16551),
        ("train_images_excess", 0),
        ("test_images_excess", 0),
        # As above with 1 less in the extremes: 0.029 to 0.358 and 0.039 to 1.220.
        ("offset_cd_greatest_beta0", 0.329**2 / (4 * 0.029 * 0.358)),
        ("offset_cd_over_greatest_beta100_rounded", 0.2565 * 4 * 0.0385 * 1.2205 / 1.182**2),
        ("offset_ca_least_beta0", 35 / 12 * 0.029 / 0.358),
        ("offset_ca_over_least_beta100_rounded", 1.2495 * 12 / 35 * 1.2205 / 0.0385),
        ("offset_logit_ratio_over_greatest_rounded", (80.75 / 20.15) / (1.2205 / 0.0285)),
    ],
)
def test_scalars_by_hand(name, by_hand):
    assert VALUES[f"printed_{name}"] == pytest.approx(by_hand, rel=2e-4)


def test_rounding_cannot_rescue_the_numbers_out_of_reach():
    for name in ("cd_over_greatest_beta0", "cd_over_greatest_beta100", "logit_ratio_over_greatest"):
        assert VALUES[f"printed_{name}"] > VALUES[f"printed_{name}_rounded"] > 1
    for stem in ("ce", "ce_norm", "ca"):
        for column in ("beta0", "beta100"):
            name = f"printed_{stem}_over_least_{column}"
            assert VALUES[name] < VALUES[f"{name}_rounded"] < 1
    assert VALUES["printed_ce_ratio_over_least_rounded"] < 1


def test_extremes_of_one_plus_the_map_explain_all_but_the_measures_among_themselves():
    for name in ("cd_over_greatest_beta0", "cd_over_greatest_beta100", "logit_ratio_over_greatest"):
        assert VALUES[f"printed_offset_{name}_rounded"] < 1 < VALUES[f"printed_{name}_rounded"]
    for name in ("ce_norm", "ca"):
        for column in ("beta0", "beta100"):
            over = f"{name}_over_least_{column}_rounded"
            assert VALUES[f"printed_offset_{over}"] > 1 > VALUES[f"printed_{over}"]
    for column in ("beta0", "beta100"):
        name = f"ce_given_cd_over_least_{column}"
        assert VALUES[f"printed_offset_{name}"] == VALUES[f"printed_{name}"]
        assert VALUES[f"printed_offset_{name}_rounded"] == VALUES[f"printed_{name}_rounded"]
    assert printed_table(less_offset(NUMBERS, OFFSET))["verdict"].tolist() == [
        "within",
        "β = 0: out of reach; β = 100: within",  # σ/μ of such a map is 0.15 at least
        "out of reach",
        *["within"] * 2,
        "β = 0: within; β = 100: out of reach",
        *["within"] * 2,
        "out of reach",
        "within",
    ]


def test_an_offset_moves_the_extremes_only():
    before = copy.deepcopy(NUMBERS)
    shifted = less_offset(NUMBERS, 1.0)
    assert before == NUMBERS
    table, printed = shifted["table1"], NUMBERS["table1"]
    for row, low, high in (("min_map", 0.029, 0.039), ("max_map", 0.358, 1.220)):
        assert table[row] == pytest.approx({"beta0": low, "beta100": high, "decimals": 3})
    assert {row: table[row] for row in table if "map" not in row} == {
        row: printed[row] for row in printed if "map" not in row
    }
    assert {key: shifted[key] for key in shifted if key != "table1"} == {
        key: NUMBERS[key] for key in NUMBERS if key != "table1"
    }
    pd.testing.assert_frame_equal(printed_table(less_offset(NUMBERS, 0.0)), printed_table(NUMBERS))


def test_the_text_gives_the_extremes_as_printed():
    verdicts = arithmetic_table(less_offset(NUMBERS, OFFSET))["verdict"].tolist()
    assert verdicts[:6] == ["agrees"] * 2 + ["differs"] * 4


def test_bounds_of_extremes_near_zero():
    numbers = less_offset(NUMBERS, 1.0284)  # min_map 0.0006 at β = 0, rounded down 0.0001
    for check in CHECKS:
        for found in outcomes(check, numbers).values():
            assert 0 < found.least < found.greatest < math.inf, check.name
            assert all(map(math.isfinite, found)), check.name


@pytest.mark.parametrize("offset", [1.0285001, 1.029, 2.0, math.inf, -math.inf, math.nan])
def test_an_offset_must_leave_the_extremes_positive(offset):
    with pytest.raises(ValueError, match=r"offset \S+ leaves \S+ of m.._map, beta0; expected a positive"):
        less_offset(NUMBERS, offset)


def test_arithmetic_of_figure_and_text():
    table = arithmetic_table(NUMBERS)
    assert table["verdict"].tolist() == [
        *["agrees"] * 4,
        *["differs", "agrees"],  # 33 % in the text, 32 % in the caption
        *["a mean against one sample"] * 2,
        *["agrees"] * 2,
    ]
    assert table["recomputed"][4] == pytest.approx(0.3197, abs=5e-5)


def test_every_scalar_is_finite():
    assert all(math.isfinite(value) for value in VALUES.values())
