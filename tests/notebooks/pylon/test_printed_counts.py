"""Counting in small tables worked by hand, and statistics against scipy on samples."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pylon.printed import AREA, MACRO, WEIGHTED
from pylon.printed_counts import (
    averages,
    differing,
    least_difference,
    margin,
    margin_by_area,
    methods_of,
    of_classes,
    standing,
    weights_exist,
    welch_p,
)


def table_of(columns, macro=0.0, weighted=0.0):
    """A table of classes a, b, c, …; both averages alike in every column."""
    classes = [chr(ord("a") + i) for i in range(len(next(iter(columns.values()))))]
    cells = {name: [weighted, macro, *values] for name, values in columns.items()}
    return pd.DataFrame(cells, index=[WEIGHTED, MACRO, *classes])


def test_columns_and_rows():
    table = table_of({AREA: [0.1], "FPN": [0.5]})
    assert methods_of(table) == ["FPN"]
    assert of_classes(table).index.tolist() == ["a"]


def test_ties_are_those_of_the_printed_hundredths():
    # 0.58 - 0.29 and 0.29 differ as binary fractions
    table = table_of({"x": [0.58 - 0.29, 0.1 + 0.2, 0.07], "y": [0.29, 0.3, 0.08]})
    assert differing(table, "x", "y") == ["c"]
    assert standing(table, "x", ["y"]) == ([], ["a", "b"], ["c"])


def test_the_margin_is_over_the_best_rival():
    table = table_of({"x": [0.5, 0.2], "y": [0.4, 0.1], "z": [0.45, 0.3]})
    assert margin(table, "x", ["y", "z"]).tolist() == [5, -10]
    assert margin(table, "x", ["y"]).tolist() == [10, 10]


@given(st.lists(st.tuples(*[st.integers(0, 100)] * 3), min_size=1, max_size=20))
def test_every_class_stands_once_and_rivals_only_push_down(cells):
    shares = np.array(cells) / 100
    table = table_of(dict(zip("xyz", shares.T, strict=True)))
    one, both = standing(table, "x", ["y"]), standing(table, "x", ["y", "z"])
    assert sorted([*both.ahead, *both.tied, *both.behind]) == of_classes(table).index.tolist()
    assert {*both.ahead} <= {*one.ahead}
    assert {*one.behind} <= {*both.behind}


def test_averages_by_hand():
    table = table_of({"x": [0.1, 0.4]}, macro=0.25, weighted=0.33)
    assert averages(table).loc["x"].tolist() == [0.25, 0.25, True]
    # (1 · .1 + 3 · .4) / 4 = .325
    row = averages(table, {"a": 1, "b": 3}).loc["x"]
    assert row["recomputed"] == pytest.approx(0.325)
    assert row["within"]
    assert not averages(table, {"a": 1, "b": 1}).loc["x", "within"]


@pytest.mark.parametrize(("macro", "within"), [(0.26, True), (0.24, True), (0.27, False), (0.23, False)])
def test_rounding_of_cells_and_of_their_average(macro, within):
    assert bool(averages(table_of({"x": [0.1, 0.4]}, macro=macro)).loc["x", "within"]) is within


def test_weights_must_be_of_the_classes():
    with pytest.raises(ValueError, match="weights: found a, expected a weight for a, b"):
        averages(table_of({"x": [0.1, 0.4]}), {"a": 1})


def test_some_sizes_give_averages_made_with_sizes_and_none_gives_one_beyond_the_cells():
    cells = {"x": [0.1, 0.4, 0.9], "y": [0.3, 0.2, 0.5], "z": [0.9, 0.9, 0.1]}
    table, sizes = table_of(cells), np.array([0.2, 0.5, 0.3])
    table.loc[WEIGHTED] = [round(float(sizes @ values), 2) for values in cells.values()]
    assert weights_exist(table)
    table.loc[WEIGHTED, "x"] = 0.92  # above the largest cell by more than rounding
    assert not weights_exist(table)
    table.loc[WEIGHTED] = [0.9, 0.5, 0.9]  # each within its column, but not of the same classes
    assert not weights_exist(table)


def test_margin_by_area_is_the_rank_correlation():
    table = table_of({AREA: [0.1, 0.2, 0.3, 0.4], "x": [0.9, 0.6, 0.5, 0.5], "y": [0.5, 0.4, 0.4, 0.5]})
    # margins 40, 20, 10, 0 over rising areas
    assert margin_by_area(table, "x", ["y"]).estimate == pytest.approx(-1)


def test_welch_from_means_and_deviations_is_that_of_samples():
    a, b = np.array([0.2, 0.5, 0.3, 0.6, 0.25]), np.array([0.6, 0.58, 0.61, 0.57, 0.6])
    summary = [(float(x.mean()), float(x.std(ddof=1))) for x in (a, b)]
    expected = stats.ttest_ind(a, b, equal_var=False).pvalue
    assert welch_p(*summary, 5) == pytest.approx((expected, expected))


def test_welch_over_the_rounding_is_over_all_corners_of_it():
    corners = itertools.product((-0.005, 0.005), repeat=4)
    every = [welch_p((0.37 + a, 0.16 + b), (0.59 + c, 0.03 + d), 5)[0] for a, b, c, d in corners]
    assert welch_p((0.37, 0.16), (0.59, 0.03), 5, half=0.005) == pytest.approx((min(every), max(every)))


@pytest.mark.parametrize(("sd", "runs", "half"), [(0.03, 1, 0.0), (0.0, 5, 0.0), (0.005, 5, 0.005)])
def test_welch_needs_runs_and_deviations(sd, runs, half):
    with pytest.raises(ValueError, match="expected two runs or more, SDs above half"):
        welch_p((0.3, sd), (0.5, 0.1), runs, half=half)


@pytest.mark.parametrize("runs", [2, 5, 10])
def test_the_least_difference_has_p_of_one_in_twenty(runs):
    gap = least_difference(0.03, runs)
    assert stats.ttest_ind_from_stats(gap, 0.03, runs, 0, 0.03, runs).pvalue == pytest.approx(0.05)
