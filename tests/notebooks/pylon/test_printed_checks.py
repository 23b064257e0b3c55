"""The page's tables of the printed numbers, and the scalars for claims."""

import math
from pathlib import Path

import pytest
from scipy import stats

from pylon.printed import printed_table, read_numbers
from pylon.printed_checks import (
    checks,
    checks_table,
    margins_table,
    phases_table,
    scalars,
)

NUMBERS = read_numbers(Path(__file__).resolve().parents[3] / "notebooks/pylon/printed")
VALUES = scalars(NUMBERS)


def test_a_row_a_check_with_every_field_filled():
    table = checks_table(NUMBERS)
    assert table.columns.tolist() == ["check", "where", "the text says", "the tables give", "finding"]
    assert len(table) == len(checks(NUMBERS))
    assert (table.map(lambda text: isinstance(text, str) and bool(text.strip()))).all(axis=None)
    assert not table.duplicated(["check", "where", "the text says"]).any()


def test_no_value_is_named_twice_and_all_are_finite():
    names = [name for check in checks(NUMBERS) for name in check.values]
    assert len(names) == len({*names})
    assert {f"printed_{name}" for name in names} <= {*VALUES}
    assert all(math.isfinite(value) for value in VALUES.values())


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("identity_differing", 1),
        ("best_table3", 9),
        ("best_table4", 16),
        ("one_phase_best", 1),
        ("one_phase_fpn_ahead", 16),
        ("two_phase_gain_table4", 0.06),
        ("size_gain_baseline", 0.11),
        ("margin_fpn_512", 0.04),
        ("small_less_proposed", 0.02),
        ("text_ups_0", 0.37),
    ],
)
def test_scalars_by_hand(name, by_hand):
    assert VALUES[f"printed_{name}"] == by_hand  # exactly: binary dust would spoil a rule on a printed number


def test_margins_by_hand():
    table = margins_table(NUMBERS).set_index(["table", "method", "against"])
    counted = table[["ahead", "level", "behind"]]
    assert counted.loc[1, "PYLON", "FPN"].tolist() == [6, 1, 1]  # level in Pneumonia, behind in Cardiomegaly
    assert counted.loc[4, "PYLON", "FPN"].tolist() == [2, 2, 16]  # Bicycle and train; Dog and person
    assert counted.loc[4, "PYLON two-phase", "FPN"].tolist() == [17, 0, 3]
    assert counted.sum(axis=1).groupby("table").unique().explode().to_dict() == {1: 8, 2: 8, 3: 14, 4: 20}


@pytest.mark.parametrize(
    ("number", "method", "sign"),
    [(1, "PYLON", -1), (2, "PYLON", -1), (4, "PYLON", 1), (4, "PYLON two-phase", -1)],
)
def test_margin_over_fpn_against_area(number, method, sign):
    table = printed_table(NUMBERS, number).iloc[2:]
    gap = [round(100 * a) - round(100 * b) for a, b in zip(table[method], table["FPN"], strict=True)]
    expected = stats.spearmanr(gap, table["avg_area"])
    row = margins_table(NUMBERS).set_index(["table", "method", "against"]).loc[number, method, "FPN"]
    assert row["ρ"] == pytest.approx(expected.statistic)
    assert row["p"] == pytest.approx(expected.pvalue)
    assert row["low"] < row["ρ"] < row["high"]
    assert math.copysign(1, row["ρ"]) == sign


def test_gain_of_the_second_phase_by_class():
    table = phases_table(NUMBERS).set_index(["table", "class"])
    assert len(table) == 14 + 20
    assert table["gain"].to_dict()[3, "Aortic enlargement"] == 0.24
    assert table.index[table["gain"] < 0].tolist() == [
        (3, "Infiltration"),
        (3, "Pneumothorax"),
        (4, "Boat"),
        (4, "diningtable"),
    ]
    assert table["gain"].groupby("table").mean().tolist() == pytest.approx([1.08 / 14, 1.15 / 20])
