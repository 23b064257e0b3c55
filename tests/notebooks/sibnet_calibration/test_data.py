import shutil

import numpy as np
import pytest

from data_gen import chest
from papers_lib.errors import UserError
from sibnet_calibration.data import layout_of, open_set
from tests.notebooks.sibnet_calibration.runs import SIDE, SPEC


def test_the_stand_in_has_known_probabilities_and_is_made_once(chexpert):
    assert chexpert.store.kind == "stand-in"
    images = chexpert.images
    assert images.pixels.shape == (54, SIDE, SIDE)
    assert {part: len(images.images.part(part)) for part in ("train", "val", "test")} == {
        "train": 24,
        "val": 9,
        "test": 21,
    }
    assert ((images.truth >= 0) & (images.truth <= 1)).all()
    folder = chexpert.store.root.parent
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")}
    again = open_set("", folder, SPEC, SIDE, {}, 1)
    assert again.store == chexpert.store
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy") if path in before}


def test_options_make_another_store_of_the_same_set(chexpert):
    other = open_set("", chexpert.store.root.parent, SPEC, SIDE, {"uncertain": "ones"}, 1)
    assert other.fingerprint == chexpert.fingerprint
    assert other.store.fingerprint != chexpert.store.fingerprint
    first, ones = (one.images.images.part("train").labels for one in (chexpert, other))
    uncertain = chexpert.images.raw_labels[chexpert.images.images.split == "train"] == -1
    assert uncertain.any()
    assert ones[uncertain].all()
    assert not first[uncertain].all()
    assert np.array_equal(ones[~uncertain], first[~uncertain])


def test_a_users_set_in_chexpert_s_layout(chexpert, tmp_path):
    original = next(chexpert.store.root.parent.glob("chest-chexpert-*"))
    root = tmp_path / "outer" / "CheXpert-v1.0-small"
    shutil.copytree(original, root)
    (root / "truth.csv").unlink()
    assert layout_of(root) == layout_of(root.parent) == "chexpert"
    options = {"calibration": "train", "calibration_share": 0.25}
    found = open_set(str(root), tmp_path / "kept", {"train": 1}, 32, options, 1)
    assert found.images.pixels.shape == (54, 32, 32)
    assert np.isnan(found.images.truth).all()
    assert len(found.images.images.part("test")) == 30


def test_a_users_set_in_nih_s_layout_has_certain_labels_and_no_truth(tmp_path):
    root = tmp_path / "nih"
    chest.write(root, chest.ChestSpec(train_val=12, test=6, seed=1000, side=64))
    assert layout_of(root) == "nih"
    options = {"calibration_share": 0.5, "seed": 3, "uncertain": "ones", "views": "frontal"}
    found = open_set(str(root), tmp_path / "kept", {}, 32, options, 1)
    images = found.images
    assert images.pixels.shape == (18, 32, 32)
    parts = {part: len(images.images.part(part)) for part in ("train", "val", "test")}
    assert parts["test"] == 6
    assert 0 < parts["val"] < 12
    smaller = open_set(str(root), tmp_path / "kept", {}, 32, {**options, "calibration_share": 0.1}, 1)
    assert len(smaller.images.images.part("val")) < parts["val"]
    assert np.isnan(images.truth).all()
    assert np.array_equal(images.raw_labels, images.images.labels)


def test_another_folder_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"found no data set, expected train\.csv and valid\.csv") as caught:
        layout_of(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="found no data set"):
        open_set(str(tmp_path), tmp_path / "kept", {}, 64, {}, 1)
