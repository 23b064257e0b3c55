"""Judging claims: every outcome of every direction, Holm, profiles, determinism."""

import json
import math
from dataclasses import asdict

import pytest

from papers_lib.companion.claims import ClaimResult
from papers_lib.companion.claims_rules import exact_outcome, outcome
from tests.companion.claims_fixture import DIFFERENCE, MEAN, item, judge


@pytest.mark.parametrize(
    ("direction", "low", "high", "margin", "expected"),
    [
        ("greater", 0.1, 0.3, 0.0, "holds"),
        ("greater", 0.1, 0.3, 0.05, "holds"),
        ("greater", 0.05, 0.3, 0.05, "inconclusive"),  # the end must lie beyond the margin
        ("greater", 0.01, 0.03, 0.05, "inconclusive"),  # greater, but too little
        ("greater", -0.03, -0.01, 0.05, "inconclusive"),  # less, but too little
        ("greater", -0.3, -0.1, 0.05, "opposite"),
        ("greater", -0.3, -0.1, 0.0, "opposite"),
        ("greater", -0.3, 0.0, 0.0, "inconclusive"),
        ("greater", -math.inf, math.inf, 0.0, "inconclusive"),
        ("less", -0.3, -0.1, 0.05, "holds"),
        ("less", 0.1, 0.3, 0.05, "opposite"),
        ("less", -0.3, 0.1, 0.0, "inconclusive"),
        ("differs", 0.1, 0.3, 0.05, "holds"),
        ("differs", -0.3, -0.1, 0.05, "holds"),
        ("differs", 0.01, 0.3, 0.05, "inconclusive"),
        ("differs", -0.04, 0.04, 0.05, "opposite"),
        ("differs", -0.1, 0.1, 0.0, "inconclusive"),
        ("differs", 0.1, 0.2, 0.0, "holds"),
        ("differs", 0.0, 0.0, 0.0, "inconclusive"),  # without a margin nothing shows equality
        ("equal", -0.04, 0.04, 0.05, "holds"),
        ("equal", -0.05, 0.04, 0.05, "inconclusive"),
        ("equal", 0.06, 0.2, 0.05, "opposite"),
        ("equal", -0.2, -0.06, 0.05, "opposite"),
        ("equal", 0.01, 0.2, 0.05, "inconclusive"),
    ],
)
def test_outcome_of_an_interval(direction, low, high, margin, expected):
    assert outcome(direction, low, high, margin) == expected


@pytest.mark.parametrize(
    ("direction", "value", "reference", "margin", "expected"),
    [
        ("equal", 9, 10, 0, "opposite"),
        ("equal", 10, 10, 0, "holds"),
        ("equal", 0.46, 0.43, 0.03, "holds"),  # in floats the difference is .030000000000000027
        ("equal", 3.17e-9, 3.16e-9, 0, "opposite"),  # the tolerance is relative
        ("differs", 10, 10, 0, "opposite"),
        ("differs", 9, 10, 0.5, "holds"),
        ("differs", 9.6, 10, 0.5, "opposite"),
        ("greater", 11, 10, 0, "holds"),
        ("greater", 10, 10, 0, "inconclusive"),
        ("greater", 10.4, 10, 0.5, "inconclusive"),
        ("greater", 9, 10, 0, "opposite"),
        ("less", 9, 10, 0, "holds"),
        ("less", 11, 10, 0.5, "opposite"),
    ],
)
def test_outcome_of_a_number(direction, value, reference, margin, expected):
    assert exact_outcome(direction, value, reference, margin) == expected


def test_holm_runs_within_the_family_over_what_was_tested(tmp_path):
    results = judge(
        tmp_path,
        item(DIFFERENCE, method="hodges_lehmann", name="one", family="f"),
        item(MEAN | {"reference": 6.5}, method="student_t", name="two", family="f"),
        item(DIFFERENCE | {"b": "c"}, method="hodges_lehmann", name="absent", family="f"),
        item(DIFFERENCE, method="hodges_lehmann", name="alone", family="g"),
        item(DIFFERENCE, method="hodges_lehmann", name="free"),
    )
    by_id = {result.id: result for result in results}
    assert by_id["one"].p_holm == pytest.approx(2 / 126)  # the smaller of two
    assert by_id["two"].p_holm == pytest.approx(by_id["two"].p)
    assert by_id["two"].p > by_id["one"].p
    assert by_id["alone"].p_holm == by_id["alone"].p
    assert by_id["absent"].p_holm is by_id["free"].p_holm is None


def test_profiles_and_untestable_claims(tmp_path):
    untestable = item(DIFFERENCE, name="d")
    del untestable["rule"]
    untestable["untestable"] = "a matter of definition"
    quick, other = judge(tmp_path, item(DIFFERENCE), untestable, profile="full")
    assert (quick.outcome, quick.reason) == ("not tested", "not tested in full")
    assert (other.outcome, other.reason, other.rule_text) == ("not tested", "a matter of definition", "")
    assert judge(tmp_path, item(DIFFERENCE), profile="smoke")[0].outcome == "holds"


def test_unknown_evidence_or_profile(tmp_path):
    with pytest.raises(ValueError, match="printed numbers"):
        judge(tmp_path, item(DIFFERENCE), evidence="printed numbers")
    with pytest.raises(ValueError, match="unknown profile"):
        judge(tmp_path, item(DIFFERENCE), profile="fast")


def test_results_survive_json_and_repeat_to_the_byte(tmp_path):
    claims = [
        item(DIFFERENCE, method=method, name=f"c{number}")
        for number, method in enumerate(("hodges_lehmann", "welch", "bootstrap"))
    ]
    claims.append(
        item({"kind": "proportion", "metric": "good", "equals": True, "reference": 0.5}, method="wilson")
    )
    texts = [
        json.dumps([asdict(r) for r in judge(tmp_path, *claims)], allow_nan=False, sort_keys=True)
        for _ in range(2)
    ]
    assert texts[0] == texts[1]
    assert [ClaimResult(**entry) for entry in json.loads(texts[0])] == judge(tmp_path, *claims)
