"""Judging claims: each form by hand and against the statistics it is made of, every outcome, what is left out."""

import math

import numpy as np
import pytest

from papers_lib.companion.judging import evaluate, outcome
from papers_lib.errors import UserError
from papers_lib.stats import equivalence_p, equivalence_p_ranks, hodges_lehmann, student_t
from tests.companion.claims_fixture import MEAN, PAIRED, ROWS, SAME, SHARE, SHIFT, VALUE, item, judge, load


@pytest.mark.parametrize(
    ("direction", "low", "high", "margin", "expected"),
    [
        ("greater", 0.1, 0.3, 0.05, "supported"),
        ("greater", 0.05, 0.3, 0.05, "inconclusive"),  # the end must lie beyond the margin
        ("greater", -0.3, -0.1, 0.05, "contradicted"),
        ("greater", -math.inf, math.inf, 0.0, "inconclusive"),
        ("less", -0.3, -0.1, 0.05, "supported"),
        ("differs", -0.3, -0.1, 0.05, "supported"),
        ("differs", -0.04, 0.04, 0.05, "contradicted"),
        ("differs", 0.0, 0.0, 0.0, "inconclusive"),  # without a margin nothing shows equality
        ("equal", -0.04, 0.04, 0.05, "supported"),
        ("equal", -0.05, 0.04, 0.05, "inconclusive"),
        ("equal", -0.2, -0.06, 0.05, "contradicted"),
    ],
)
def test_outcome_of_an_interval(direction, low, high, margin, expected):
    assert outcome(direction, low, high, margin) == expected


@pytest.mark.parametrize(
    ("direction", "value", "reference", "margin", "expected"),
    [
        ("equal", 0, 0, 0, "supported"),
        ("equal", 0.46, 0.43, 0.03, "supported"),  # in floats the difference is .030000000000000027
        ("equal", 3.17e-9, 3.16e-9, 0, "contradicted"),  # the tolerance is relative
        ("differs", 10, 10, 0, "contradicted"),
        ("greater", 10.4, 10, 0.5, "inconclusive"),
        ("less", 11, 10, 0.5, "contradicted"),
    ],
)
def test_outcome_of_a_number(tmp_path, direction, value, reference, margin, expected):
    rule = VALUE | {"direction": direction, "reference": reference, "margin": margin}
    assert judge(tmp_path, rule, values={"ratio": value})[0].outcome == expected


def test_shift_of_two_groups(tmp_path):
    result = judge(tmp_path, SHIFT | {"margin": 2})[0]
    interval = hodges_lehmann(ROWS.m[:5], ROWS.m[5:])
    assert (result.estimate, result.low, result.high) == (5, interval.low, interval.high)
    assert result.p == result.p_floor == pytest.approx(1 / 126)
    assert (result.n_a, result.n_b, result.level, result.outcome) == (5, 5, 0.95, "supported")
    few = judge(tmp_path, SHIFT, rows=ROWS[ROWS.seed <= 3])[0]
    assert (few.estimate, few.low, few.high, few.outcome) == (5, None, None, "inconclusive")
    assert few.p == few.p_floor == pytest.approx(0.1)
    assert few.reason == "groups of 3 and 3 are too small for a 95 % interval"


def test_pairs_are_those_of_both_groups(tmp_path):
    rows = ROWS.drop(index=[1, 9]).sample(frac=1, random_state=0)  # a lacks seed 2, b lacks seed 5
    rows.loc[0, "m"] = 6.5
    result = judge(tmp_path, PAIRED, rows=rows)[0]
    # Seeds 1, 3, 4: differences 5.5, 5, 5; mean 31/6, standard error 1/6.
    assert (result.n_a, result.n_b, result.estimate) == (3, 3, pytest.approx(31 / 6))
    assert (result.high - result.low) / 2 == pytest.approx(4.302653 / 6)
    assert result.reason == "2 runs without a partner left out"
    with pytest.raises(UserError, match="c0: rule: paired_by: found two runs of a group with the same seed"):
        judge(tmp_path, PAIRED, rows=ROWS.assign(seed=1))


def test_equivalence_is_two_one_sided_tests(tmp_path):
    a, b = ROWS.m[:5].to_numpy(), ROWS.m[5:].to_numpy()
    noisy = ROWS.assign(m=[a[0] + 0.5, *a[1:], *b])  # differences 5.5, 5, 5, 5, 5
    difference = student_t([5.5, 5, 5, 5, 5], 0.9)
    mean = {"form": "equivalence", "metric": "m", "reference": 7, "margin": 1, "where": {"group": "a"}}
    pairs, ranks, outside, means = judge(
        tmp_path, SAME | {"margin": 6}, SAME | {"margin": 8, "paired_by": []}, SAME, mean, rows=noisy
    )
    assert pairs.outcome == ranks.outcome == means.outcome == "supported"
    assert outside.outcome == "contradicted"
    assert (pairs.low, pairs.high, pairs.level) == pytest.approx((difference.low, difference.high, 0.9))
    assert pairs.p == pytest.approx(equivalence_p(difference, 6))
    assert ranks.p == pytest.approx(equivalence_p_ranks(noisy.m[:5], b, 8))
    assert means.p == pytest.approx(equivalence_p(student_t(noisy.m[:5], 0.9, 7), 1, 7))


def test_mean_and_share_against_a_reference(tmp_path):
    mean, below = judge(tmp_path, MEAN | {"reference": 5}, MEAN | {"reference": 9})
    expected = student_t(ROWS.m[:5], reference=5)
    assert (mean.estimate, mean.low, mean.p) == pytest.approx((7, expected.low, expected.p))
    assert (mean.n_a, mean.n_b, mean.outcome, below.outcome) == (5, None, "supported", "contradicted")
    share = judge(tmp_path, SHARE)[0]
    assert (share.estimate, share.n_a, share.outcome) == (0.9, 10, "supported")
    assert (share.low, share.high) == pytest.approx((0.59585, 0.98213), abs=1e-5)
    assert share.p == pytest.approx(2 * 0.00570, abs=1e-4)  # z = .4/√(.25/10) = 2.53


def test_value_against_a_reference(tmp_path):
    result = judge(tmp_path, VALUE | {"evidence": "measurement"}, values={"ratio": np.float64(1.9)})[0]
    assert (result.estimate, result.low, result.level, result.p, result.n_a) == (1.9, None, None, None, None)
    assert (result.outcome, result.evidence) == ("supported", "measurement")
    assert judge(tmp_path, VALUE, values={"ratio": math.nan})[0].reason == "ratio is not finite"
    with pytest.raises(UserError, match=r"item c0: rule: name: found 'ratio', expected .*\(ratios\)"):
        judge(tmp_path, VALUE, values={"ratios": 1.0})


def test_holm_runs_within_the_family_over_what_was_tested(tmp_path):
    mine = {"family": "f"}
    rules = [
        SHIFT | mine,
        MEAN | mine | {"reference": 6.5},
        SHIFT | mine | {"b": "c"},
        SHIFT | {"family": "g"},
    ]
    one, two, absent, alone, free = judge(tmp_path, *rules, SHIFT, families={"f": {}, "g": {}})
    assert one.p_holm == pytest.approx(2 / 126)  # the smaller of two
    assert two.p_holm == pytest.approx(two.p)
    assert alone.p_holm == alone.p
    assert absent.p_holm is free.p_holm is None


def test_profiles_evidence_and_untestable_claims(tmp_path):
    claims = load(tmp_path, item(SHIFT), item(None, "d", untestable="a matter of definition"))
    quick, other = evaluate(claims, ROWS, {}, "full", "real data")
    assert (quick.outcome, quick.reason, quick.evidence) == ("not tested", "not tested in full", "real data")
    assert (other.outcome, other.reason, other.rule_text) == ("not tested", "a matter of definition", "")
    assert evaluate(claims, ROWS, {}, "smoke", "real data")[0].outcome == "supported"


def test_runs_that_failed_and_values_that_are_not_finite_are_left_out_and_counted(tmp_path):
    rows = ROWS.astype({"m": object, "good": object})
    rows.loc[[0, 1, 9], "status"] = ["diverged", "died", "diverged"]
    rows.loc[[0, 1, 9], "m"] = [1e9, None, None]
    every = {"form": "mean", "metric": "status", "equals": "ok", "reference": 0.5, "direction": "greater"}
    result, share = judge(tmp_path, SHIFT, every | {"failed_too": True}, rows=rows)
    assert (result.n_a, result.n_b) == (3, 4)
    assert result.reason.startswith("3 of 10 runs left out: 1 died, 2 diverged")
    assert (share.estimate, share.n_a, share.reason) == (0.7, 10, "")
    rows["status"], rows.loc[0, "good"], rows.loc[0, "m"] = "ok", None, math.inf
    result, share = judge(tmp_path, SHIFT, SHARE, rows=rows)
    assert (result.n_a, result.n_b) == (3, 4)
    assert result.reason.startswith("3 of 10 runs without a finite m")
    assert (share.estimate, share.reason) == (8 / 9, "1 of 10 runs without good")


@pytest.mark.parametrize("slip", [{"metric": "x"}, {"by": "x"}, {"where": {"x": 1}}, {"paired_by": ["x"]}])
def test_a_column_that_no_run_has_is_a_slip(tmp_path, slip):
    with pytest.raises(
        UserError, match=r"^demo/claims.yaml: item c0: rule: found column 'x', expected one of"
    ):
        judge(tmp_path, PAIRED | slip)


@pytest.mark.parametrize(
    ("rule", "rows", "reason"),
    [
        (SHIFT | {"where": {"arm": "other"}}, ROWS, "no rows with arm = other, group = a or b"),
        (SHIFT | {"b": "c"}, ROWS, "no rows with group = c"),
        (MEAN, ROWS.assign(status="died"), "no rows with group = a; 5 of 5 runs left out: 5 died"),
        (MEAN, ROWS.assign(m=math.nan), "5 of 5 runs without a finite m"),
        (MEAN | {"metric": "late"}, ROWS.assign(status="died"), "no run has late"),
        (PAIRED, ROWS, "constant: the difference is 5 in all 5"),
        (MEAN, ROWS[:1], "x: 1 value(s), at least 2 are needed"),
    ],
)
def test_what_the_runs_cannot_judge_is_not_tested(tmp_path, rule, rows, reason):
    result = judge(tmp_path, rule, rows=rows)[0]
    assert (result.outcome, result.estimate, result.p, result.n_a) == ("not tested", None, None, None)
    assert result.reason.startswith(reason)
