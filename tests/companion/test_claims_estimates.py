"""Each kind of contrast, by hand and against the statistics it is made of."""

import math

import numpy as np
import pandas as pd
import pytest

from papers_lib.errors import UserError
from papers_lib.stats import equivalence_p, student_t, welch
from papers_lib.stats_ranks import equivalence_p_ranks, hodges_lehmann, mann_whitney, spearman
from tests.companion.claims_fixture import DIFFERENCE, MEAN, ROWS, item, judge


def test_shift_of_two_groups(tmp_path):
    result = judge(tmp_path, item(DIFFERENCE, method="hodges_lehmann", margin=2))[0]
    a, b = ROWS.m[:5], ROWS.m[5:]
    interval = hodges_lehmann(a, b)
    assert (result.estimate, result.low, result.high) == (5, interval.low, interval.high)
    assert result.p == result.p_floor == pytest.approx(1 / 126)
    assert (result.n_a, result.n_b, result.level, result.outcome) == (5, 5, 0.95, "holds")
    assert result.method == "Hodges-Lehmann, exact"


def test_shift_that_the_sizes_cannot_bound(tmp_path):
    result = judge(tmp_path, item(DIFFERENCE, method="hodges_lehmann"), rows=ROWS[ROWS.seed <= 3])[0]
    assert (result.estimate, result.low, result.high, result.outcome) == (5, None, None, "inconclusive")
    assert result.p == result.p_floor == 0.1
    assert result.reason == "groups of 3 and 3 are too small for a 95 % interval"


def test_equality_is_two_one_sided_tests(tmp_path):
    a, b = ROWS.m[:5], ROWS.m[5:]
    results = judge(
        tmp_path,
        item(DIFFERENCE, "equal", 7, "welch", name="w"),
        item(DIFFERENCE, "equal", 8, "hodges_lehmann", name="h"),
        item(DIFFERENCE, "equal", 1, "welch", name="o"),
        item(MEAN, "equal", 1, "student_t", name="m"),
    )
    expected = welch(a, b, 0.9)
    assert [result.outcome for result in results] == ["holds", "holds", "opposite", "holds"]
    assert (results[0].low, results[0].high) == pytest.approx((expected.low, expected.high))
    assert [result.level for result in results] == pytest.approx([0.9] * 4)
    assert results[0].p == pytest.approx(equivalence_p(expected, 7))
    assert results[1].p == equivalence_p_ranks(a, b, 8) == pytest.approx(results[1].p_floor) == 1 / 252
    assert results[3].p == pytest.approx(equivalence_p(student_t(a), 1, 7))


def test_paired_difference_uses_the_pairs_of_both_groups(tmp_path):
    rows = ROWS.drop(index=[1, 9]).sample(frac=1, random_state=0)  # a lacks seed 2, b lacks seed 5
    rows.loc[0, "m"] = 6.5
    result = judge(tmp_path, item(DIFFERENCE, method="paired_t", paired_by="seed"), rows=rows)[0]
    # Seeds 1, 3, 4: differences 5.5, 5, 5; mean 31/6, standard error 1/6.
    assert (result.n_a, result.n_b, result.estimate) == (3, 3, pytest.approx(31 / 6))
    assert (result.high - result.low) / 2 == pytest.approx(4.302653 / 6)
    assert result.reason == "2 runs without a partner left out"


def test_mean_against_a_reference(tmp_path):
    result = judge(tmp_path, item(MEAN | {"reference": 5}, method="student_t"))[0]
    expected = student_t(ROWS.m[:5], reference=5)
    assert (result.estimate, result.low, result.p) == pytest.approx((7, expected.low, expected.p))
    assert (result.n_a, result.n_b, result.outcome, result.p_floor) == (5, None, "holds", None)
    assert judge(tmp_path, item(MEAN | {"reference": 9}, method="student_t"))[0].outcome == "opposite"


@pytest.mark.parametrize("how", [{"equals": True, "metric": "good"}, {"threshold": 1.5, "metric": "m"}])
def test_proportion_against_a_reference(tmp_path, how):
    contrast = {"kind": "proportion", "reference": 0.5, **how}
    result = judge(tmp_path, item(contrast, method="wilson"))[0]  # 9 of 10 either way (1.5 itself counts)
    assert (result.estimate, result.n_a, result.outcome) == (0.9, 10, "holds")
    assert (result.low, result.high) == pytest.approx((0.59585, 0.98213), abs=1e-5)
    assert result.p == pytest.approx(2 * 0.00570, abs=1e-4)  # z = .4/√(.25/10) = 2.53
    assert result.p_floor == pytest.approx(0.001565, abs=1e-6)  # z = √10


def test_a_reference_of_one_has_no_score_test(tmp_path):
    contrast = {"kind": "proportion", "metric": "good", "equals": True, "reference": 1}
    result = judge(tmp_path, item(contrast, "less", method="wilson"))[0]
    assert (result.p, result.p_floor, result.outcome) == (None, None, "holds")


def test_correlation_of_two_columns(tmp_path):
    contrast = {"kind": "correlation", "x": "n", "y": "m", "where": {"group": ["a"]}}
    result = judge(tmp_path, item(contrast, method="fisher_z"))[0]
    expected = spearman(ROWS.n[:5], ROWS.m[:5])
    assert (result.estimate, result.low, result.high, result.n_a) == (1, expected.low, 1, 5)
    assert result.p == result.p_floor == 2 / 120
    assert result.outcome == "inconclusive"  # five runs in order do not show a correlation
    both = judge(tmp_path, item(contrast | {"where": {}}, method="bootstrap"))[0]
    assert (both.p, both.n_a) == (None, 10)
    assert both.low < spearman(ROWS.n, ROWS.m).estimate == both.estimate < both.high


def test_value_against_a_reference(tmp_path):
    contrast = {"kind": "value", "name": "ratio", "reference": 1.82}
    claim = item(contrast, "equal", 0.1, "exact", evidence="printed numbers")
    result = judge(tmp_path, claim, values={"ratio": np.float64(1.9)}, evidence="real data")[0]
    assert (result.estimate, result.low, result.level, result.p, result.n_a) == (1.9, None, None, None, None)
    assert (result.outcome, result.evidence) == ("holds", "printed numbers")
    assert judge(tmp_path, claim, values={"ratio": math.nan})[0].reason == "ratio is not finite"
    with pytest.raises(UserError, match=r"item c: rule.contrast: name: found 'ratio', expected .*\(ratios\)"):
        judge(tmp_path, claim, values={"ratios": 1.0})
    with pytest.raises(UserError, match="value 'ratio' is 'x', expected a number"):
        judge(tmp_path, claim, values={"ratio": "x"})


@pytest.mark.parametrize("contrast", [DIFFERENCE, MEAN])
def test_bootstrap_depends_on_the_claim_alone(tmp_path, contrast):
    claims = [item(contrast, method="bootstrap", name=name) for name in ("c", "d")]
    rows = pd.concat([ROWS] * 8).assign(m=np.random.default_rng(0).normal(size=80))
    first, other = judge(tmp_path, *claims, rows=rows)
    assert judge(tmp_path, *claims[::-1], rows=rows)[::-1] == [first, other]
    assert first.estimate == other.estimate
    assert (first.low, first.high) != (other.low, other.high)
    assert first.low < first.estimate < first.high
    assert "percentile" in first.method


def test_constant_groups_have_a_rank_interval(tmp_path):
    claim = item(DIFFERENCE, "equal", 0.01, "hodges_lehmann")
    result = judge(tmp_path, claim, rows=ROWS.assign(m=1.0))[0]
    assert (result.estimate, result.low, result.high, result.outcome) == (0, 0, 0, "holds")


def test_p_is_the_exact_mann_whitney(tmp_path):
    rows = ROWS.assign(m=[1.0, 2, 3, 4, 5, 2.5, 3.5, 4.5, 5.5, 6.5])
    result = judge(tmp_path, item(DIFFERENCE, "less", method="hodges_lehmann"), rows=rows)[0]
    assert result.p == mann_whitney(rows.m[:5], rows.m[5:]).p
    assert result.outcome == "inconclusive"
