"""The fact sheet's table of tests, recomputed from U, group sizes, means and deviations."""

import math
from pathlib import Path

import pytest

from papers_lib.experiments.heatmap_loss_authors import (
    authors_values,
    overlap,
    read_numbers,
    results_table,
    setup_table,
)

NUMBERS = read_numbers(Path(__file__).resolve().parents[2] / "notebooks/claims/authors/heatmap_loss.yaml")


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
    assert values["log10_floor_over_printed_exp1"] == pytest.approx(math.log10(3.16), abs=1e-3)
    assert values["authors_label_mean_difference"] > 0 > values["authors_label_median_difference"]
    assert values["authors_shapiro_p_exp2_cce"] == 0.493


def test_setup_names_the_confound():
    assert setup_table(NUMBERS)["convolutions"].tolist() == ["frozen", "trained", "frozen", "trained"]


def test_unknown_overlap_is_a_key_error():
    with pytest.raises(KeyError, match="experiment 3"):
        overlap(NUMBERS, 3, "cce", "heart")
