from dataclasses import replace

import pytest

from papers_lib.datasets.image_store import load_images
from papers_lib.errors import UserError
from papers_lib.sweep.core import DataRef
from papers_lib.sweep.records import Record
from pylon import sweeps as pylon_sweeps
from pylon.arms import FAIR, Grid
from pylon.data import Opened
from pylon.experiment import PylonRun
from tests.notebooks.pylon.stores import write_store


@pytest.fixture
def opened(tmp_path):
    root = write_store(tmp_path / "images")
    images, _ = load_images(root)
    return Opened(DataRef(root, "abc", "stand-in"), images, "abc", "nih")


@pytest.fixture
def swept(monkeypatch, opened):
    """Sweeps that train nothing, and what they were asked for."""
    asked = []

    def sweep(_, configs, **settings):
        asked.append((configs, settings))
        return [Record(config, config.label(), "ok", "", {}, f"key-{config.method}") for config in configs]

    monkeypatch.setattr(pylon_sweeps, "sweep", sweep)
    monkeypatch.setattr(pylon_sweeps, "stored", lambda *_: ())
    monkeypatch.setattr(pylon_sweeps, "share_source", lambda *_: None)
    sides = []

    def opens(_root, layout, _folder, _spec, side, *_):
        sides.append((layout, side))
        return opened._replace(layout=layout)

    monkeypatch.setattr(pylon_sweeps, "open_set", opens)
    return asked, sides


def plan(arms, tmp_path):
    tuned = {"phases": ("all",), "epochs": 1, "learning_rate": 1e-3}
    grid = Grid(seeds=2, variant_seeds=1, tuned=tuned)
    specs = {key: {} for key in ("nih", "vindr", "voc")}
    sides = {"first": 64, "large": 96, "tuned": 128}
    roots = dict.fromkeys(("first", "vindr", "voc"), "")
    return pylon_sweeps.Plan(
        PylonRun(seed=0), grid, arms, roots, specs, sides, {}, tmp_path, tmp_path / "cache", 1, "cpu"
    )


def test_every_arm_runs_on_its_set_at_its_size(swept, opened, tmp_path):
    asked, sides = swept
    found = pylon_sweeps.run_plan(plan(["main", "large", "transfer", "voc"], tmp_path), opened)
    assert [one.data for one in found] == ["nih", "nih_large", "nih_source", "vindr", "voc"]
    assert [one.side for one in found] == [64, 96, 128, 128, 128]
    assert sides == [("nih", 96), ("nih", 128), ("vindr", 128), ("voc", 128)]
    assert all(len(one.pixels) == len(one.images) for one in found)
    assert {config.channels for config in asked[-1][0]} == {3}  # photographs
    assert {config.channels for config in asked[0][0]} == {1}
    assert {settings["precision"] for _, settings in asked} == {"float32"}


def test_models_with_a_source_start_from_that_of_their_method(swept, opened, tmp_path):
    asked, _ = swept
    pylon_sweeps.run_plan(plan(["transfer"], tmp_path), opened)
    started = [config for config in asked[-1][0] if config.source]
    assert {config.method: config.source for config in started} == {name: f"key-{name}" for name in FAIR}


def test_a_source_that_failed_is_one_line(swept, opened, tmp_path, monkeypatch):
    def fails(_, configs, **__):
        return [Record(config, config.label(), "diverged", "loss is nan", {}, "key") for config in configs]

    monkeypatch.setattr(pylon_sweeps, "sweep", fails)
    with pytest.raises(UserError, match=r"diverged \(loss is nan\), expected weights to start from$"):
        pylon_sweeps.run_plan(plan(["transfer"], tmp_path), opened)


@pytest.mark.parametrize("folds", [0, 3])
def test_a_set_without_boxes_has_nothing_to_point_at(swept, opened, tmp_path, monkeypatch, folds):
    none = tuple(boxes[:0] for boxes in opened.images.boxes)
    kinds = tuple(kind[:0] for kind in opened.images.box_classes)
    bare = opened._replace(images=replace(opened.images, boxes=none, box_classes=kinds))
    monkeypatch.setattr(pylon_sweeps, "open_set", lambda *_: bare)
    asked = plan(["main"], tmp_path)
    with pytest.raises(UserError, match=r"found no box among \d+ test images, expected some$"):
        pylon_sweeps.first_set(asked._replace(grid=replace(asked.grid, folds=folds)))


def test_more_folds_than_patients_are_one_line(swept, opened, tmp_path):
    asked = plan(["main"], tmp_path)
    with pytest.raises(UserError, match=r"parameter folds: found 999, expected at most \d+ \(patients\)$"):
        pylon_sweeps.run_plan(asked._replace(grid=replace(asked.grid, folds=999)), opened)


def test_features_are_stored_once_for_each_kind_of_run(swept, opened, tmp_path, monkeypatch):
    which = []
    monkeypatch.setattr(pylon_sweeps, "stored", lambda _root, frozen, *_: which.append(frozen))
    pylon_sweeps.run_plan(plan(["main", "others", "voc"], tmp_path), opened)
    assert len(set(which)) == 4  # all stages, dilated and not; of photographs all, and the first two
    assert [(one.stages, one.output_stride, one.channels) for one in which].count((4, 16, 1)) == 1
