"""The authors' table of tests, recomputed from U, group sizes, means and deviations."""

import math
from pathlib import Path

import pytest

from heatmap_loss.authors import (
    authors_values,
    overlap,
    overlaps_table,
    read_numbers,
    reference_lines,
    results_table,
    setup_table,
)

NUMBERS = read_numbers(Path(__file__).resolve().parents[2] / "notebooks/heatmap_loss/printed/authors.yaml")


@pytest.mark.parametrize(
    ("row", "asymptotic", "exact", "rank_biserial", "superior", "d"),
    [
        (0, 3.16e-9, 6.5e-14, 1.0, 0.0, -10.78),
        (1, 9.85e-9, 4.9e-13, 1.0, 0.0, -11.88),
        (2, 1.88e-7, 2.8e-9, -0.909, 0.955, -0.240),
    ],
)
def test_the_authors_tests(row, asymptotic, exact, rank_biserial, superior, d):
    found = results_table(NUMBERS).iloc[row]
    assert found["p asymptotic"] == pytest.approx(asymptotic, rel=5e-3)
    assert found["p exact"] == pytest.approx(exact, rel=2e-2)
    assert found["rank-biserial"] == pytest.approx(rank_biserial, abs=5e-4)
    assert found["P(x > y)"] == pytest.approx(superior, abs=5e-4)
    assert found["Cohen's d"] == pytest.approx(
        d, rel=1e-2
    )  # from means and deviations rounded to four places


def test_values_that_the_findings_rest_on():
    values = authors_values(NUMBERS)
    assert values["authors_u_exp1_heart"] == values["authors_u_exp2_heart"] == 0
    assert values["authors_label_mean_difference"] > 0 > values["authors_label_median_difference"]
    assert values["authors_shapiro_p_exp2_cce"] == 0.493
    assert values["authors_excluded"] == (31 - 25) + (34 - 23) + (29 - 23) + (25 - 22)
    assert values["authors_filter_share"] == pytest.approx(5 / 26)


def test_reference_lines_join_levels_and_medians():
    levels = {2: {"label": {"area": 0.01}}}
    lines = reference_lines(NUMBERS, levels, 2, "label", log10=True)
    assert lines == {
        "area": -2.0,
        "authors, CCE": math.log10(5.7e-5),
        "authors, heatmap loss": math.log10(6e-10),
    }
    assert list(reference_lines(NUMBERS, levels, 1, "heart")) == ["authors, CCE", "authors, heatmap loss"]


def test_holm_over_the_three_printed_tests():
    table = results_table(NUMBERS)
    assert table["p Holm"].tolist() == pytest.approx(
        [3 * table["p exact"][0], 2 * table["p exact"][1], table["p exact"][2]]
    )
    assert len(overlaps_table(NUMBERS)) == 6


def test_setup_names_the_confound():
    assert setup_table(NUMBERS)["convolutions"].tolist() == ["frozen", "trained", "frozen", "trained"]


def test_unknown_overlap_is_a_key_error():
    with pytest.raises(KeyError, match="experiment 3"):
        overlap(NUMBERS, 3, "cce", "heart")
