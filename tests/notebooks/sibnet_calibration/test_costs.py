"""Costs of the Sibnet report's losses: what is read, what was not measured, and files that are no timings."""

import json
import math

import pytest

from papers_lib.errors import UserError
from papers_lib.files import write_json
from sibnet_calibration import costs

ROWS = [
    {"key": "plain", "ratio": 1.0},
    {"key": "exact", "ratio": 6.0},
    {"key": "share_1_4", "ratio": 1.5, "variance": 8.0},
    {"key": "mimo_2", "ratio": 1.25},
    {"key": "coherence_56_1_numpy", "ratio": 200.0},
    {"key": "coherence_56_1_autograd", "ratio": 4000.0},
    {"step": "the full profile", "minutes": 30.0},
]
RATES = {
    "note": "how",
    "rows": [
        {"key": "before", "share": None, "epochs": 0.0, "distinctiveness": 0.5, "auroc": 0.8},
        {"key": "share 0.5", "share": 0.5, "term": 0.1, "epochs": 2.0, "distinctiveness": 0.2, "auroc": 0.7},
        {
            "key": "share 0.25",
            "share": 0.25,
            "term": 0.05,
            "epochs": 3.0,
            "distinctiveness": 0.3,
            "auroc": 0.7,
        },
        {"key": "share 1", "share": 1.0, "term": 0.6, "epochs": 1.0, "distinctiveness": 0.1, "auroc": 0.7},
        {"key": "exact", "share": None, "term": 1.0, "epochs": 0.5, "distinctiveness": 0.05, "auroc": 0.6},
    ],
}


@pytest.fixture
def path(tmp_path):
    return write_json(
        tmp_path / "sibnet_calibration.timings.json", {"note": "", "rows": ROWS, "rates": RATES}
    )


def test_what_was_measured_and_nan_for_the_rest(path):
    found = costs.read(path)
    assert set(found) == set(costs.NAMES)
    known = {name: value for name, value in found.items() if not math.isnan(value)}
    assert known == {
        "step_ratio_exact": 6.0,
        "step_ratio_share_1_4": 1.5,
        "term_share_exact": 1.0,
        "term_share_share_1_4": pytest.approx(0.1),  # 0.5 of 5
        "variance_share_1_4": 8.0,
        "variance_cost_share_1_4": 12.0,
        "coherence_numpy_56_1": 200.0,
        "coherence_autograd_56_1": 4000.0,
        "mimo_step_ratio": 1.25,
    }


def test_tables_hold_what_was_measured(path):
    found = costs.read(path)
    steps = costs.steps_table(found)
    assert steps["training step"].tolist() == [6.0, 1.5, 1.25]
    assert steps["variance of the gradient"].dropna().tolist() == [8.0]
    assert costs.coherence_table(found).values.tolist() == [[1, 56, 4000.0, 200.0]]
    rates = costs.rates_table(path)
    assert rates["held-out distinctiveness"].tolist() == [0.5, 0.2, 0.3, 0.1, 0.05]
    assert rates["distinctiveness by"].tolist()[::4] == ["before the second stage", "all pairs"]
    assert costs.rates_note(path) == "how"


def test_the_best_share_costs_at_most_half_of_the_exact_loss(path):
    assert costs.best_share(path) == 0.5


def test_without_a_file_all_is_nan_and_empty(tmp_path):
    path = tmp_path / "none.json"
    found = costs.read(path)
    assert set(found) == set(costs.NAMES)
    assert all(math.isnan(value) for value in found.values())
    assert costs.steps_table(found).empty
    assert costs.coherence_table(found).empty
    assert costs.rates_table(path).empty
    assert costs.rates_note(path) == ""
    assert math.isnan(costs.best_share(path))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{", "timings.json: not a table of timings"),
        ("[]", "timings.json: not a table of timings"),
        (json.dumps({"rows": [3]}), "rows: expected a list of objects"),
        (
            json.dumps({"rows": [{"key": "exact", "ratio": "6"}]}),
            "row exact: found ratio '6', expected a number",
        ),
        (
            json.dumps({"rows": [{"key": "mimo_2", "ratio": -1}]}),
            "row mimo_2: found ratio -1, expected a number",
        ),
        (json.dumps({"rows": [{"key": "exact", "ratio": True}]}), "row exact: found ratio True"),
    ],
)
def test_a_file_that_is_no_timings(tmp_path, content, line):
    path = tmp_path / "timings.json"
    path.write_text(content)
    with pytest.raises(UserError, match=line):
        costs.read(path)


@pytest.mark.parametrize(
    "rates", [{}, [], {"rows": [{"key": "exact"}]}, {"rows": [3]}, {"rows": 3}, {"rows": None}]
)
def test_rates_that_are_no_table(tmp_path, rates):
    path = write_json(tmp_path / "timings.json", {"rows": [], "rates": rates})
    with pytest.raises(UserError, match=r"timings\.json: rates: not a table"):
        costs.rates_table(path)
    with pytest.raises(UserError, match=r"timings\.json: rates: not a table"):
        costs.best_share(path)
