"""Which runs a table takes, and their names."""

import pandas as pd
import pytest

from papers_lib.models.heatmap_methods import METHODS
from pylon.frame import POST_HOC, TRAININGS
from pylon.printed import printed_table, read_numbers
from pylon.settings import (
    ORDER,
    PRINTED_TRAININGS,
    by_seed,
    by_setting,
    in_order,
    ok,
    printed_name,
    setting_names,
)
from tests.notebooks.pylon.runs import CLAIMS


def frame(*rows):
    columns = ["arm", "status", "method", "training", "seed", "fold", "point_macro"]
    return pd.DataFrame(rows, columns=columns)


RUNS = frame(
    ("main", "ok", "pylon", "frozen", 0, 0, 0.2),
    ("main", "ok", "pylon", "frozen", 0, 1, 0.6),
    ("main", "ok", "pylon", "frozen", 1, 0, 0.9),
    ("main", "diverged", "pylon", "frozen", 2, 0, None),
    ("others", "ok", "cam", "frozen", 0, 0, 0.1),
)


def test_folds_are_averaged_before_seeds_count():
    found = by_seed(ok(RUNS, "main"), "point_macro")
    assert found.to_dict() == pytest.approx({0: 0.4, 1: 0.9})
    assert by_seed(RUNS, "point_macro").to_dict() == pytest.approx({0: 0.3, 1: 0.9})  # seed 2 has no value
    assert by_seed(RUNS, "unknown").empty


def test_runs_that_failed_and_other_arms_are_left_out():
    assert len(ok(RUNS, "main")) == 3
    assert len(ok(RUNS, ("main", "others"))) == 4


def test_settings_come_in_the_order_of_the_methods():
    assert [name for name, _ in by_setting(ok(RUNS, ("main", "others")))] == ["CAM", "PYLON"]
    assert {*ORDER} <= {*METHODS, *POST_HOC}
    two = [("voc", "ok", "fpn", training, 0, -1, 0.1) for training in ("two_phase", "one_phase")]
    assert [name for name, _ in by_setting(frame(*two))] == ["FPN, two phases", "FPN, one phase"]
    assert in_order(["conventional", "pylon", "cam"]) == ["cam", "pylon", "conventional"]


def test_the_training_is_named_only_where_it_differs():
    two = setting_names([("pylon", "one_phase"), ("pylon", "transfer_two_phase")])
    assert [*two.values()] == ["PYLON, one phase", "PYLON, transfer, two phases"]
    assert [*setting_names([("pylon", "one_phase")]).values()] == ["PYLON"]


def test_printed_names_are_columns_of_the_tables():
    numbers = read_numbers(CLAIMS)
    assert {*PRINTED_TRAININGS} == {*TRAININGS}
    columns = {n: set(printed_table(numbers, n)) for n in (1, 2, 3, 4)}
    methods = [name for name in [*METHODS, *POST_HOC] if printed_name(name)]
    assert columns[1] == {"avg_area", *map(printed_name, methods)}
    trainings = ("one_phase", "transfer_one_phase", "transfer_two_phase")
    assert columns[3] > {printed_name("pylon", training) for training in trainings}
    assert printed_name("pylon", "two_phase") in columns[4]
    assert printed_name("pylon_2up", "two_phase") == ""
    moving = printed_name("pylon", "transfer_two_phase_moving")  # so the authors trained
    assert moving == printed_name("pylon", "transfer_two_phase") == "PYLON two-phase"
