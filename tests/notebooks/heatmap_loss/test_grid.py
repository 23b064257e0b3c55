"""Parameters and the runs that they ask for."""

from dataclasses import asdict
from pathlib import Path

import pytest

from heatmap_loss import grid
from heatmap_loss.parameters import Parameters
from papers_lib.companion.parameters import resolve
from papers_lib.errors import UserError

ROOT = Path(__file__).resolve().parents[3]


def of(profile="quick", **change):
    return Parameters.of({**resolve(ROOT, "heatmap_loss", profile).model_dump(), **change})


@pytest.mark.parametrize(
    ("profile", "count"), [("smoke", 35), ("quick", 48), ("full", 2 * (90 + 60 + 60 + 168)), ("paper", 420)]
)
def test_runs_of_each_profile(profile, count):
    runs = [run for part in grid.plan(of(profile)) for run in part.configs]
    assert len(set(runs)) == len(runs) == count
    assert len({(run.label(), run.method, run.target, run.mask) for run in runs}) == count
    shorter = [run for part in grid.plan(of(profile).shortened()) for run in part.configs]
    assert {run.kind() for run in shorter} == {run.kind() for run in runs}
    assert all(run.cost() <= 6 for run in shorter)


def test_matched_groups_differ_in_the_loss_alone_and_carry_the_term():
    (part,) = grid.plan(of(experiments=[2], seeds=3, weight=3.0, form="dice", mask="area"))
    rest = {tuple(v for k, v in asdict(run).items() if k not in ("group", "seed")) for run in part.configs}
    assert len(rest) == 1
    assert {(run.group, run.seed) for run in part.configs} == {
        (g, s) for g in ("cce", "mse", "heatmap") for s in range(3)
    }
    assert {(run.weight, run.form, run.mask) for run in part.configs} == {(3.0, "dice", "area")}
    assert part.configs[6].label() == "exp 2 main heatmap dice x3 seed 0"


def test_the_authors_comparison_is_confounded_as_theirs_and_frozen_differs_in_freezing_alone():
    factors = {"authors_lr_factor": 30.0, "authors_epoch_factor": 6}
    runs = grid.configs_of(1, of(arms=["main", "authors", "frozen"], seeds=1, **factors))[3:]
    cce, heatmap, trained, frozen = runs
    assert (cce.train_features, heatmap.train_features) == (False, True)
    assert (cce.epochs, heatmap.epochs) == (36, 12)  # 6 against 2, times 6
    # The ratio of the ranges' ends is the authors': 1.7e-5 to 1e-3 against 5e-7 to 1.06e-5
    assert cce.lr_high == pytest.approx(30 * 1e-3)
    assert cce.lr_low / heatmap.lr_low == pytest.approx(34)
    assert cce.lr_high / heatmap.lr_high == pytest.approx(1e-3 / 1.06e-5)
    assert {run.weights for run in runs} == {"digits"}
    one, other = asdict(trained), asdict(frozen)
    assert {k for k in one if one[k] != other[k]} == {"arm", "train_features"}


def test_variants_change_one_thing_at_a_time():
    runs = grid.configs_of(1, of(arms=["main", "variants"], seeds=1, variant_seeds=1))
    unchanged = asdict(runs[2])
    for run in runs[3:]:
        changed = {k for k, v in asdict(run).items() if v != unchanged[k]} - {"arm"}
        assert changed, "a variant equal to the matched group would be trained twice"
        assert changed <= {"form", "weight"} or len(changed) == 1, run
    assert len(runs[3:]) == 4 * 3 - 1 + 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seeds": -3}, "seeds.*greater than or equal to 1"),
        ({"weights": "imagenet"}, "weights.*random, since model is small_vgg"),
        ({"experiments": [1, 1]}, "experiments.*each once"),
        ({"arms": ["authors"]}, "arms.*main among them"),
        ({"variant_weights": [0.0]}, "variant_weights.*greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(change, words):
    with pytest.raises(UserError, match=words) as caught:
        of(**change)
    assert "\n" not in str(caught.value)
