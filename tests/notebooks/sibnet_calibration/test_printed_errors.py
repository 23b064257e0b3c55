"""Standard errors of printed AUCs: against distributions with known answers, simulation, and the printed tables."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sibnet_calibration.printed import LABELS, printed_table, read_numbers
from sibnet_calibration.printed_errors import (
    correlation_needed,
    differences_table,
    error_values,
    errors_table,
    hanley_mcneil_se,
    label_error,
    mean_error_bounds,
    prevalence_table,
)

NUMBERS = read_numbers(Path(__file__).resolve().parents[3] / "notebooks/sibnet_calibration/printed")
COUNTS = st.integers(1, 500)


@given(COUNTS, COUNTS)
def test_without_skill_it_is_the_error_of_mann_whitney(positives, negatives):
    expected = math.sqrt((positives + negatives + 1) / (12 * positives * negatives))
    assert hanley_mcneil_se(0.5, positives, negatives) == pytest.approx(expected)


@given(st.floats(0, 1), COUNTS, COUNTS)
def test_finite_and_the_same_for_scores_turned_round(auc, positives, negatives):
    found = hanley_mcneil_se(auc, positives, negatives)
    # With one pair the AUC is a coin; more images of either kind can only help.
    assert 0 <= found <= math.sqrt(auc * (1 - auc)) + 1e-9
    assert hanley_mcneil_se(1 - auc, negatives, positives) == pytest.approx(found, abs=1e-7)


def test_nothing_is_left_at_the_ends():
    assert [hanley_mcneil_se(auc, 32, 170) for auc in (0, 1)] == [0, 0]


def test_exponential_scores_scatter_as_the_formula_says():
    # Negatives ~ Exp(1), positives ~ Exp(rate λ): AUC = 1 / (1 + λ), and both Q are exact.
    auc, positives, negatives, draws = 0.85, 42, 160, 3000
    rng = np.random.default_rng(0)
    below = rng.exponential(1.0, (draws, negatives))
    above = rng.exponential(auc / (1 - auc), (draws, positives))
    ranks = stats.rankdata(np.concatenate([above, below], axis=1), axis=1)[:, :positives].sum(axis=1)
    found = (ranks - positives * (positives + 1) / 2) / (positives * negatives)
    assert found.mean() == pytest.approx(auc, abs=0.003)
    # The SD of 3000 draws has a relative standard error of 1.3 %.
    assert found.std() == pytest.approx(hanley_mcneil_se(auc, positives, negatives), rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((1.2, 5, 5), "auc: found 1.2, expected 0 to 1"),
        ((math.nan, 5, 5), "auc: found nan"),
        ((0.8, 0, 5), "positives: found 0, expected a finite number of 1 or more"),
        ((0.8, 5, math.inf), "negatives: found inf"),
    ],
)
def test_arguments_of_the_error(arguments, error):
    with pytest.raises(ValueError, match=error):
        hanley_mcneil_se(*arguments)


def test_error_of_a_mean_is_that_of_the_covariance_matrix():
    errors = np.array([0.03, 0.04, 0.05])
    least, greatest = (
        math.sqrt((np.outer(errors, errors) * ρ).sum()) / 3 for ρ in (np.eye(3), np.ones((3, 3)))
    )
    assert mean_error_bounds([*errors]) == pytest.approx((least, greatest))
    for wrong in ([], [-0.1], [math.nan]):
        with pytest.raises(ValueError, match="errors: found"):
            mean_error_bounds(wrong)


@given(st.floats(-0.2, 0.2), st.floats(0.01, 0.1), st.floats(0.01, 0.1))
def test_at_the_correlation_needed_p_is_5_percent(difference, a, b):
    variance = a**2 + b**2 - 2 * correlation_needed(difference, a, b) * a * b
    p = 2 * stats.norm.sf(abs(difference) / math.sqrt(variance)) if variance > 1e-12 else 0.05
    assert p == pytest.approx(0.05, abs=1e-3)


def test_correlation_needs_two_errors():
    with pytest.raises(ValueError, match=r"standard errors: found 0\.0 and 0\.1"):
        correlation_needed(0.1, 0.0, 0.1)


def test_a_cell_by_hand():
    # Edema, cross entropy: A = .8489, 42 positives, 160 negatives.
    a = 0.8489
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    expected = math.sqrt((a * (1 - a) + 41 * (q1 - a * a) + 159 * (q2 - a * a)) / (42 * 160))
    assert label_error(NUMBERS, "4.2", "Cross Entropy", "Edema") == pytest.approx(expected)
    row = errors_table(NUMBERS).set_index(["table", "loss", "label"]).loc[("4.2", "Cross Entropy", "Edema")]
    assert row.tolist() == pytest.approx([a, 42, 160, expected])
    assert len(errors_table(NUMBERS)) == 2 * 3 * 5


def test_focal_loss_is_not_distinguishable_from_cross_entropy():
    values = error_values(NUMBERS)
    assert round(values["se_least"], 3) == 0.024
    assert round(values["se_greatest"], 3) == 0.039
    assert values["se_mean_independent"] < values["se_least"] < values["se_mean_dependent"]
    assert 0 < values["focal_less_ce_z"] < 0.2
    assert values["focal_less_ce_rho"] > 0.99
    assert values["focal_less_ce_beyond"] == 0
    # 1.96 SE at the ρ needed is the difference itself.
    se, ρ = values["focal_less_ce_se"], values["focal_less_ce_rho"]
    assert 1.96 * se * math.sqrt(1 - ρ) == pytest.approx(0.0026, rel=0.01)


def test_of_all_differences_only_deep_auc_exceeds_two_standard_errors():
    rows = differences_table(NUMBERS)
    large = rows[rows["difference / SE"].abs() > 1.96]
    assert set(large["losses"]) == {"DeepAUC less Cross Entropy"}
    assert large["AUC of"].tolist() == ["Mean", "Atelectasis", "Pleural Effusion"]
    assert (large["ρ needed"] < 0).all()
    assert len(rows) == 5 * (1 + len(LABELS))


def test_more_positives_give_smaller_errors():
    fewer = dataclasses.replace(NUMBERS, positives=NUMBERS.positives | {"Edema": 10})
    assert error_values(fewer)["se_greatest"] > error_values(NUMBERS)["se_greatest"]


def test_prevalences_bracket_the_counted_errors():
    table = prevalence_table(NUMBERS).set_index(["loss", "label"])
    auc = printed_table(NUMBERS, "4.2").loc["Focal", "Edema"]
    assert table.loc[("Focal", "Edema"), "20% positive"] == pytest.approx(hanley_mcneil_se(auc, 40, 160))
    counted = errors_table(NUMBERS).set_index(["table", "loss", "label"])["standard error"].loc["4.2"]
    assert (counted < table["10% positive"]).all()
    assert (counted > 0.95 * table["40% positive"]).all()
