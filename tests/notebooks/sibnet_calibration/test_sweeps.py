from dataclasses import replace

import numpy as np
import pytest

from papers_lib.errors import UserError
from papers_lib.sweep.records import Record
from sibnet_calibration import sweeps
from sibnet_calibration.arms import Grid
from tests.notebooks.sibnet_calibration.runs import RUN, SIDE, SPEC


@pytest.fixture
def swept(monkeypatch, chexpert):
    """Sweeps that train nothing: what they, the sets and the stored features were asked for."""
    asked = {"sweep": [], "open": [], "stored": []}

    def sweep(_, configs, **settings):
        asked["sweep"].append((configs, settings))
        return [Record(config, config.label(), "ok", "", {}, "key") for config in configs]

    def opens(data_root, folder, spec, side, options, jobs):
        asked["open"].append((data_root, spec, side, options, jobs))
        return chexpert

    monkeypatch.setattr(sweeps, "sweep", sweep)
    monkeypatch.setattr(sweeps, "open_set", opens)
    monkeypatch.setattr(sweeps, "stored", lambda root, *which: asked["stored"].append(which))
    return asked


def plan(tmp_path, *arms, data_root=""):
    return sweeps.Plan(
        base=RUN,
        grid=Grid(seeds=2, variant_seeds=1),
        arms=arms,
        data_root=data_root,
        spec=SPEC,
        rare_odds=0.25,
        side=SIDE,
        options={"uncertain": "report", "seed": 5},
        folder=tmp_path,
        cache=tmp_path / "cache",
        jobs=2,
        device="cpu",
    )


def test_every_arm_runs_on_its_set(swept, chexpert, tmp_path):
    asked = plan(tmp_path, "mapping", "imbalance", "mimo", "losses")._replace(precision="float32 compiled")
    found = sweeps.run_plan(asked, chexpert)
    assert [one.data for one in found] == ["first", "rare", "common", "zeros", "ones"]
    arms = [list(dict.fromkeys(record.config.arm for record in one.records)) for one in found]
    assert arms == [["losses", "mimo"], ["imbalance"], *[["mapping"]] * 3]
    rare, *mapped = swept["open"]
    assert rare[1] == {**SPEC, "odds": 0.25}
    assert [one[3]["uncertain"] for one in mapped] == ["common", "zeros", "ones"]
    assert all(one[1] == SPEC and one[3]["seed"] == 5 for one in mapped)
    for _, settings in swept["sweep"]:
        assert settings.pop("precision") == "float32 compiled"
        assert settings == {"data": chexpert.store, "cache": tmp_path / "cache", "jobs": 2, "device": "cpu"}


def test_a_users_set_cannot_be_made_rarer(swept, chexpert, tmp_path):
    found = sweeps.run_plan(plan(tmp_path, "losses", "imbalance", data_root=str(tmp_path)), chexpert)
    assert [one.data for one in found] == ["first"]


def test_features_are_stored_before_the_runs_once_for_each_frozen_part(swept, chexpert, tmp_path):
    sweeps.run_plan(plan(tmp_path, "losses", "mimo", "backbones"), chexpert)
    stage = RUN.train_from
    assert swept["stored"] == [
        ("efficientnet_lite0", "random", stage, "cpu", 2),
        ("efficientnet_lite2", "random", stage, "cpu", 2),
    ]


def test_an_arm_without_values_has_no_runs(swept, chexpert, tmp_path):
    found = sweeps.run_plan(plan(tmp_path, "rates", "weights"), chexpert)
    assert [(one.data, list(one.records)) for one in found] == [("first", [])]
    assert not swept["sweep"]


def test_the_first_set_is_the_one_asked_for(swept, chexpert, tmp_path):
    assert sweeps.first_set(plan(tmp_path, "losses")) is chexpert
    assert swept["open"] == [("", SPEC, SIDE, {"uncertain": "report", "seed": 5}, 2)]


@pytest.mark.parametrize("value", [True, False])
def test_a_label_that_is_always_or_never_there_in_training_is_one_line(
    swept, chexpert, tmp_path, monkeypatch, value
):
    images = chexpert.images.images
    labels = np.array(images.labels)
    labels[images.split == "train", 3] = value
    images = replace(images, labels=labels)
    broken = chexpert._replace(images=replace(chexpert.images, images=images))
    monkeypatch.setattr(sweeps, "open_set", lambda *_: broken)
    found = rf"found {24 * value} of 24 training images with Edema, expected some with and some without$"
    with pytest.raises(UserError, match=found):
        sweeps.first_set(plan(tmp_path, "losses"))
