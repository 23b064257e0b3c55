"""Parameters that are refused; the grid: which configs each profile asks for, in which order, on which sets."""

import ast
import json
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from papers_lib.errors import UserError
from papers_lib.sweep import Record
from pylon import grid
from pylon.experiment import UNTRAINED, PylonRun
from pylon.parameters import Parameters

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


def quick() -> dict:
    """The values of the notebook's parameters cell."""
    cells = json.loads((NOTEBOOKS / "pylon.ipynb").read_text(encoding="utf-8"))["cells"]
    (source,) = ["".join(one["source"]) for one in cells if "parameters" in one["metadata"].get("tags", [])]
    return {line.targets[0].id: ast.literal_eval(line.value) for line in ast.parse(source).body}


def chosen(profile="quick", **changes) -> Parameters:
    path = NOTEBOOKS / "profiles" / f"{profile}.yaml"
    own = yaml.safe_load(path.read_text(encoding="utf-8"))["pylon"] if path.exists() else {}
    return Parameters.of({**quick(), "profile": profile, **own, **changes})


@pytest.mark.parametrize(
    ("profile", "counts"),
    [
        ("quick", {"nih": 15}),
        ("smoke", {"nih": 27, "nih_large": 4, "nih_source": 3, "vindr": 13, "voc": 7}),
        ("full", {"nih": 88, "nih_large": 12, "nih_source": 3, "vindr": 39, "voc": 21}),
        ("paper", {"nih": 130, "nih_large": 20, "nih_source": 3, "vindr": 65, "voc": 35}),
    ],
)
def test_every_profile_has_its_runs_once(profile, counts):
    found = {part.name: [one.label() for one in part.configs] for part in grid.plan(chosen(profile))}
    assert {name: len(one) for name, one in found.items()} == counts
    every = [label for one in found.values() for label in one]
    assert len(every) == len(set(every))


def test_the_small_set_has_trainings_alike_for_the_fair_methods():
    sources = {"cam": "a", "fpn": "b", "pylon": "c"}
    parts = {part.name: part.configs for part in grid.plan(chosen("smoke"), sources)}
    found = [(one.arm, one.method, one.training(), one.source) for one in parts["vindr"]]
    assert found[:4] == [("transfer", m, "one_phase", "") for m in ("cam", "li2018", "fpn", "pylon")]
    for method, key in sources.items():
        trainings = [t for arm, m, t, source in found if (arm, m, source) == ("transfer", method, key)]
        moving = ["transfer_two_phase_moving"] if method == "pylon" else []
        assert trainings == ["transfer_one_phase", "transfer_two_phase", *moving]
    assert found[-2:] == [("budget", m, "transfer_one_phase", k) for m, k in (("fpn", "b"), ("pylon", "c"))]
    assert parts["vindr"][-1].epochs == 2 * parts["vindr"][0].epochs
    assert {one.source for part in grid.plan(chosen("smoke")) for one in part.configs} == {"", UNTRAINED}
    assert all(one.keep for one in parts["nih_source"])


def test_every_knob_of_a_run_is_a_parameter_or_set_by_the_grid():
    of_the_grid = {"seed", "method", "arm", "statistics", "source", "keep", "fold", "channels"}
    assert {field.name for field in fields(PylonRun)} - of_the_grid <= set(Parameters.model_fields)
    (part,) = grid.plan(chosen(ups=1, backbone="efficientnet_lite2"))
    assert {(one.ups, one.backbone) for one in part.configs} == {(1, "efficientnet_lite2")}


def test_a_shortened_grid_has_a_run_of_every_kind():
    whole, short = (grid.plan(one) for one in (chosen("full"), chosen("full").shortened()))
    kinds = [[one.kind() for part in parts for one in part.configs] for parts in (whole, short)]
    assert set(kinds[0]) == set(kinds[1])
    assert len(kinds[1]) == len(set(kinds[1]))
    assert max(part.images for part in short) <= 32


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("PAPERS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path / "cache"))
    few = {key: ["cam"] for key in ("methods", "fair_methods", "compared_methods")}
    return chosen(device="cpu", jobs=1, side=64, tuned_side=64, arms=["main", "transfer"], **few).shortened()


def test_the_small_set_starts_from_the_models_trained_before(tiny):
    first = grid.run_plan(tiny)
    assert [one.data for one in first] == ["nih", "nih_source", "vindr"]
    assert {record.status for one in first for record in one.records} == {"ok"}
    (source,) = first[1].records
    assert [one.config.source for one in first[2].records] == ["", source.key, source.key]


def test_an_impossible_cross_validation_and_a_failed_source_are_one_line(tiny, tmp_path):
    with pytest.raises(UserError, match=r"folds: found 99, expected at most \d+ \(patients\)"):
        grid.plan(tiny.model_copy(update={"folds": 99}))[0].data()
    failed = Record(PylonRun(seed=0), "source pylon", "diverged", "why", {}, "key")
    with pytest.raises(UserError, match=r"source pylon: diverged \(why\), expected weights to start from"):
        grid._shared(failed, tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"side": 100}, "side: .*multiple of 32"),
        ({"methods": ["pilon"]}, "methods.*match pattern .*pylon"),
        ({"arms": ["main", "main"]}, "arms: .*each once"),
        ({"arms": ["main", "budget"]}, "arms: .*transfer as well"),
        ({"arms": ["main", "parts"], "variant_seeds": 4}, r"variant_seeds: .*at most seeds \(3\)"),
        ({"arms": ["main", "large"], "large_side": 128}, "large_side: .*more than side"),
        ({"folds": 2}, "folds: .*0 or at least 3"),
        ({"phases": ["all"], "train_from": 4}, "train_from: .*at most 3"),
        ({"weights": "random"}, "phases: .*noise"),
        ({"policy": "radiograph"}, "policy: .*2 stages"),
        ({"greys": "nih", "train_from": 0}, "greys: .*standardise"),
        ({"arms": ["main", "backbone"], "backbone": "efficientnet_lite2"}, "backbone: .*another one"),
        ({"data_root": "/no/such/folder"}, "data_root: .*no folder"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_line(changes, words):
    with pytest.raises(UserError, match=words):
        chosen(**changes)


def test_a_folder_of_another_layout_is_refused(tmp_path):
    with pytest.raises(UserError, match="found no data set"):
        chosen(vindr_root=str(tmp_path))
    (tmp_path / "VOC2012" / "ImageSets" / "Main").mkdir(parents=True)
    with pytest.raises(UserError, match=r"vindr_root: .* is voc, expected vindr"):
        chosen(vindr_root=str(tmp_path))
    with pytest.raises(UserError, match=r"greys: .*photographs"):
        chosen(data_root=str(tmp_path), greys="nih", train_from=0, standardise=False)
    assert chosen(voc_root=str(tmp_path)).voc_root
