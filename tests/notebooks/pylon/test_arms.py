from collections import Counter
from dataclasses import asdict, replace

import pytest

from papers_lib.models.heatmap_methods import METHODS
from pylon.arms import (
    ARMS,
    FAIR,
    MAIN,
    OTHERS,
    PARTS,
    POOLS_AND_NORMS,
    Grid,
    budget_arm,
    runs_of,
    transfer_arm,
)
from pylon.experiment import PylonRun

BASE = PylonRun(seed=9, epochs=5, learning_rate=2e-3)
TUNED = {"learning_rate": 1e-4, "train_from": 1}
GRID = Grid(seeds=4, variant_seeds=2, masked=7, tuned=TUNED)
SOURCES = {method: f"key of {method}" for method in FAIR}
SIZES = {
    "main": 5 * 4,
    "others": 4 + 3 * 2,  # PAN with all seeds
    "large": 4 * 2,
    "long": 4,
    "parts": 7 * 2,
    "pools": 4 + 6 * 2,  # PAN without pools as well
    "backbone": 3 * 2,
    "source": 3,
    "voc": (4 + 3) * 2,
}
PAN = ("pan", "pan_no_gap")
"""Compared by their scatter: with all seeds in every arm."""


def seeds(arm, method):
    return {"main": 4, "long": 4, "source": 1}.get(arm, 4 if method in PAN else 2)


def transfer(grid=GRID):
    return transfer_arm(replace(BASE, arm="transfer"), grid, SOURCES)


def every():
    return [*runs_of(BASE, ARMS, GRID), *transfer()]


def changed(run, *names):
    """The fields in which a run differs from the base, less ``names``."""
    base = asdict(BASE)
    return {name for name, value in asdict(run).items() if value != base[name]} - {*names}


def test_numbers_of_runs():
    assert set(SIZES) == set(ARMS)
    assert Counter(run.arm for run in runs_of(BASE, ARMS, GRID)) == SIZES
    # four methods in one phase; three in one and two phases from a source; PYLON once more
    assert len(transfer()) == (4 + 2 * 3 + 1) * 2


def test_methods_of_the_arms_are_known_and_named_once():
    named = [*MAIN, *OTHERS, *PARTS, *POOLS_AND_NORMS]
    assert len(set(named)) == len(named)
    assert set(named) <= set(METHODS)
    assert {run.method for run in every()} <= set(METHODS)
    assert set(FAIR) <= set(MAIN)


def test_methods_share_their_seeds():
    found = {}
    for run in every():
        found.setdefault((run.arm, run.method, run.training(), run.source), []).append(run.seed)
    for (arm, method, *_), own in found.items():
        assert own == list(range(seeds(arm, method))), (arm, method)


def test_no_run_twice_and_labels_tell_the_runs_of_a_sweep_apart():
    runs = every()
    assert len(set(runs)) == len(runs)
    assert len({run.label() for run in runs}) == len(runs)


def test_every_run_has_a_cost_and_a_name_of_its_training():
    for run in every():
        assert run.cost() > 0
        assert run.training()


@pytest.mark.parametrize("arm", ["main", "others", "large", "parts", "pools"])
def test_arms_of_the_frozen_encoder_differ_in_the_method_alone(arm):
    runs = runs_of(BASE, [arm], GRID)
    assert all(changed(run, "seed", "method", "arm") <= {"masked"} for run in runs)
    assert {run.masked for run in runs} == {7 if arm in ("main", "others") else 0}


def test_the_second_encoder_changes_the_backbone_alone():
    runs = runs_of(BASE, ["backbone"], GRID)
    assert all(changed(run, "seed", "method", "arm") == {"backbone"} for run in runs)


def test_folds_multiply_the_main_arms_alone():
    folded = replace(GRID, folds=5)
    for arm in ARMS:
        runs = runs_of(BASE, [arm], folded)
        times = 5 if arm in ("main", "others") else 1
        assert len(runs) == times * SIZES[arm]
        assert {run.fold for run in runs} == (set(range(5)) if times > 1 else {-1})
        assert len({run.label() for run in runs}) == len(runs)
    assert {run.folds for run in runs_of(BASE, ["main"], replace(GRID, folds=3))} == {3}


@pytest.mark.parametrize("phases", [("decoder",), ("all",)])
def test_sources_keep_their_weights_and_are_trained_as_the_main_arm_is(phases):
    runs = runs_of(replace(BASE, phases=phases), ["source"], GRID)
    assert [run.method for run in runs] == list(FAIR)
    assert all(run.keep and run.phases == phases and run.seed == 0 for run in runs)


def test_transfer_compares_phases_and_sources_fairly():
    found = Counter((run.method, run.training(), run.source) for run in transfer())
    assert set(found.values()) == {2}
    settings = {key[:2] for key in found}
    for method in FAIR:
        for training in ("one_phase", "transfer_one_phase", "transfer_two_phase"):
            assert (method, training) in settings
    assert ("pylon", "transfer_two_phase_moving") in settings
    assert ("li2018", "one_phase") in settings
    assert len(settings) == 11
    assert all(source in ("", SOURCES.get(method)) for method, _, source in found)
    assert all(run.learning_rate == 1e-4 and run.train_from == 1 for run in transfer())


def test_voc_has_colours_and_two_phases_for_the_fair_three():
    runs = runs_of(BASE, ["voc"], GRID)
    assert {run.channels for run in runs} == {3}
    two = {run.method for run in runs if run.phases == ("decoder", "all")}
    one = {run.method for run in runs if run.phases == ("all",)}
    assert (one, two) == ({"cam", "li2018", "fpn", "pylon"}, set(FAIR))


def test_no_arm_no_run():
    assert runs_of(BASE, [], GRID) == []
    assert [run.arm for run in runs_of(BASE, ["pools", "main"], Grid(seeds=1, variant_seeds=1))] == 7 * [
        "pools"
    ] + 5 * ["main"]


def test_equal_budgets_differ_from_transfer_in_epochs_alone():
    one_phase = {
        run.method: run for run in transfer() if run.training() == "transfer_one_phase" and not run.seed
    }
    for run in budget_arm(replace(BASE, arm="budget"), GRID, SOURCES):
        like = one_phase[run.method]
        assert run.epochs == 2 * like.epochs
        assert replace(run, epochs=like.epochs, arm=like.arm, seed=0) == like
