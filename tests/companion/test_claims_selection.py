"""Which runs count: what is left out is counted, a slip of the file is an error, never "not tested"."""

import math

import pandas as pd
import pytest

from papers_lib.errors import UserError
from tests.companion.claims_fixture import DIFFERENCE, MEAN, ROWS, item, judge


def test_runs_that_failed_are_left_out_and_counted(tmp_path):
    rows = ROWS.astype({"m": object})
    rows.loc[[0, 1, 9], "status"] = ["diverged", "died", "diverged"]
    rows.loc[[0, 1, 9], "m"] = [1e9, None, None]
    result, every = judge(
        tmp_path,
        item(DIFFERENCE),
        item({"kind": "proportion", "metric": "status", "equals": "ok", "reference": 0.5, "include": "all"},
             method="wilson", name="d"),
        rows=rows,
    )  # fmt: skip
    assert (result.n_a, result.n_b, result.estimate) == (3, 4, pytest.approx(7.5 - 1.75))
    assert result.reason == "3 of 10 runs left out: 1 died, 2 diverged"
    assert (every.estimate, every.n_a, every.reason) == (0.7, 10, "")


def test_values_that_are_not_finite_are_dropped_and_counted(tmp_path):
    rows = ROWS.astype({"m": object})
    rows.loc[[0, 1, 9], "m"] = [math.inf, None, math.nan]
    result = judge(tmp_path, item(DIFFERENCE), rows=rows)[0]
    assert (result.n_a, result.n_b) == (3, 4)
    assert result.reason == "3 of 10 runs without a finite m"
    flags = ROWS.astype({"good": object})
    flags.loc[0, "good"] = None
    contrast = {"kind": "proportion", "metric": "good", "equals": True, "reference": 0.5}
    share = judge(tmp_path, item(contrast, method="wilson"), rows=flags)[0]
    assert (share.estimate, share.reason) == (8 / 9, "1 of 10 runs without good")


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        (
            item(DIFFERENCE | {"metric": "shares"}),
            "rule.contrast: found column 'shares', expected one of the rows'",
        ),
        (item(DIFFERENCE | {"by": "grp"}), "found column 'grp'"),
        (item(DIFFERENCE | {"where": {"arms": "main"}}), "found column 'arms'"),
        (item(DIFFERENCE | {"metric": "name"}), "column 'name': found 'x', expected numbers"),
        (item(DIFFERENCE | {"where": {"seed": "1"}}), "seed: found '1', but the column holds numbers"),
        (item(DIFFERENCE | {"where": {"arm": [1, 2]}}), "arm: found 1, but the column holds texts"),
        (item({"kind": "correlation", "x": "n", "y": "q"}, method="fisher_z"), "found column 'q'"),
    ],
)
def test_a_slip_never_reads_as_not_tested(tmp_path, claim, says):
    with pytest.raises(UserError) as raised:
        judge(tmp_path, claim)
    assert str(raised.value).startswith("demo.yaml: item c: rule.contrast: ")
    assert says in str(raised.value)


def test_no_rows_at_all_is_a_slip(tmp_path):
    with pytest.raises(UserError, match=r"found column 'group', expected one of the rows' \(none\)"):
        judge(tmp_path, item(DIFFERENCE), rows=pd.DataFrame())


def test_a_pair_twice_is_a_slip(tmp_path):
    rows = ROWS.assign(seed=1)
    with pytest.raises(UserError, match=r"item c: rule.contrast: paired_by: found seed = 1 twice in a"):
        judge(tmp_path, item(DIFFERENCE, method="paired_t", paired_by="seed"), rows=rows)
    with pytest.raises(UserError, match="found column 'fold'"):
        judge(tmp_path, item(DIFFERENCE, method="paired_t", paired_by=["seed", "fold"]))


@pytest.mark.parametrize(
    ("claim", "rows", "reason"),
    [
        (item(DIFFERENCE | {"where": {"arm": "other"}}), ROWS, "no rows with arm = other and group = a or b"),
        (item(DIFFERENCE | {"b": "c"}), ROWS, "no rows with group = c"),
        (item(MEAN, method="student_t"), ROWS.assign(status="died"), "no rows with group = a; 5 of 5 runs left"),
        (item(MEAN, method="student_t"), ROWS.assign(m=math.nan), "5 of 5 runs without a finite m"),
        (item(MEAN | {"include": "all"}, method="student_t"), ROWS.assign(status="died").drop(columns="m"), "no run"),
        (item(DIFFERENCE), ROWS.assign(m=1.0), "constant: all values of x equal 1, all of y 1"),
        (item(DIFFERENCE, method="bootstrap"), ROWS.assign(m=1.0), "constant"),
        (item(DIFFERENCE, method="paired_t", paired_by="seed"), ROWS, "constant: the difference is 5 in all 5"),
        (item(MEAN, method="student_t"), ROWS[:1], "x: 1 value(s), at least 2 are needed"),
        (item(DIFFERENCE, method="hodges_lehmann"), ROWS[4:], "x: 1 value(s), at least 2 are needed"),
        (item({"kind": "correlation", "x": "n", "y": "m"}, method="fisher_z"), ROWS[:3], "x: 3 value(s)"),
    ],
)  # fmt: skip
def test_what_the_runs_cannot_judge_is_not_tested(tmp_path, claim, rows, reason):
    result = judge(tmp_path, claim, rows=rows)[0]
    assert (result.outcome, result.estimate, result.p, result.n_a) == ("not tested", None, None, None)
    assert result.reason.startswith(reason)
