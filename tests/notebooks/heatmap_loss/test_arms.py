from dataclasses import asdict

import pytest

from heatmap_loss.arms import authors_arm, frozen_arm, grid, main_arm, variants
from heatmap_loss.experiment import HeatmapRun
from papers_lib.errors import UserError

BASE = HeatmapRun(experiment=1, group="cce", seed=0)


def test_matched_groups_differ_in_the_loss_alone():
    runs = main_arm(BASE, range(3))
    assert len(runs) == 9
    rest = {tuple(v for k, v in asdict(run).items() if k not in ("group", "seed")) for run in runs}
    assert len(rest) == 1
    assert {(run.group, run.seed) for run in runs} == {
        (g, s) for g in ("cce", "mse", "heatmap") for s in range(3)
    }


def test_the_authors_arm_is_confounded_as_theirs():
    runs = {run.group: run for run in authors_arm(BASE, [0], 30.0, 6)}
    cce, heatmap = runs["cce"], runs["heatmap"]
    assert (cce.train_features, heatmap.train_features) == (False, True)
    assert (cce.epochs, heatmap.epochs) == (36, 12)  # 6 against 2, times 6
    assert cce.lr_high == pytest.approx(30 * 1e-3)
    # The ratio of the ranges' ends is the authors': 1.7e-5 to 1e-3 against 5e-7 to 1.06e-5
    assert cce.lr_low / heatmap.lr_low == pytest.approx(34)
    assert cce.lr_high / heatmap.lr_high == pytest.approx(1e-3 / 1.06e-5)
    assert cce.weights == heatmap.weights == "digits"


def test_the_frozen_arm_differs_in_freezing_alone():
    trained, frozen = (asdict(run) for run in frozen_arm(BASE, [0]))
    assert {k for k in trained if trained[k] != frozen[k]} == {"arm", "train_features"}
    assert frozen["train_features"] is False


def test_variants_change_one_thing_at_a_time():
    unchanged = asdict(main_arm(BASE, [0])[2])
    for run in variants(BASE, [0]):
        changed = {k for k, v in asdict(run).items() if v != unchanged[k]} - {"arm"}
        assert changed <= {"form", "weight"} or len(changed) == 1, run
        assert changed, "a variant equal to the main arm would be trained twice"
    assert len(variants(BASE, range(2))) == 2 * 14


def test_no_run_of_a_grid_twice_and_labels_tell_runs_apart():
    runs = grid(BASE, ["main", "authors", "frozen", "variants"], 2, 1, 30.0, 6)
    assert len(set(runs)) == len(runs) == 6 + 4 + 4 + 14
    assert len({(run.label(), run.method, run.target, run.mask) for run in runs}) == len(runs)


def test_unknown_arm_lists_the_known():
    with pytest.raises(UserError, match="found 'all', expected one of main, authors, frozen, variants"):
        grid(BASE, ["all"], 2, 1, 30.0, 6)
