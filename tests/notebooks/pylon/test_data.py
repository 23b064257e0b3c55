import json
import shutil

import numpy as np
import pytest

from papers_lib.datasets.image_store import load_images
from papers_lib.errors import UserError
from pylon.data import CHANNELS, NAMES, layout_of, open_set

SPECS = {
    "nih": {"train_val": 20, "test": 8, "seed": 1000, "side": 64},
    "vindr": {"images": 20, "seed": 1000, "side": 64},
    "voc": {"train": 6, "test": 4, "seed": 1000},
}
OPTIONS = {"nih": {"val_share": 0.25}, "voc": {"val_share": 0.34}}


@pytest.fixture(scope="module", params=list(SPECS))
def opened(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, open_set("", request.param, folder, SPECS[request.param], 64, OPTIONS, 1)


def stand_in(folder):
    """The generated set, beside its image store."""
    (found,) = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("images")]
    return found


def test_layouts(tmp_path):
    for name, file in (
        ("nih", "Data_Entry_2017_v2020.csv"),
        ("vindr", "train.csv"),
        ("voc", "VOC2012/ImageSets/Main/x"),
    ):
        path = tmp_path / name / file
        path.parent.mkdir(parents=True)
        path.touch()
        assert layout_of(tmp_path / name) == name
    (tmp_path / "nih2").mkdir()
    (tmp_path / "nih2" / "Data_Entry_2017.csv").touch()
    assert layout_of(tmp_path / "nih2") == "nih"


def test_no_layout_is_one_line(tmp_path):
    line = (
        rf"^{tmp_path}: found no data set, expected Data_Entry_2017\*\.csv \(NIH ChestX-ray14\), "
        r"train\.csv \(VinDr-CXR\) or ImageSets/Main \(Pascal VOC\)$"
    )
    for root in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match=line if root == tmp_path else "absent: found no data set"):
            layout_of(root)
    with pytest.raises(UserError, match=line):
        open_set(str(tmp_path), "", tmp_path / "kept", {}, 64, {}, 1)


def test_the_tables_of_layouts_agree():
    assert CHANNELS.keys() == NAMES.keys() == SPECS.keys()


def test_a_stand_in_becomes_a_store(opened):
    layout, folder, found = opened
    assert found.layout == layout
    assert found.store.kind == "stand-in"
    assert found.store.root.parent == folder
    assert found.store.root.name.endswith(found.store.fingerprint)
    images, uint8 = load_images(found.store.root)
    assert uint8.shape == (len(images), 64, 64, *((3,) if CHANNELS[layout] == 3 else ()))
    assert uint8.std() > 5
    assert images.names == found.images.names
    assert {"train", "val", "test"} <= set(images.split)
    assert len(np.concatenate(images.boxes))


def test_opened_again_it_is_read(opened, monkeypatch):
    layout, folder, found = opened
    monkeypatch.setattr("papers_lib.datasets.image_sets.write_images", None)
    again = open_set("", layout, folder, SPECS[layout], 64, OPTIONS, 2)
    assert again.store == found.store
    assert again.fingerprint == found.fingerprint


def test_the_user_s_folder_gives_the_same_images(opened, tmp_path):
    """A copy of the generated set: its layout is found, whatever is asked for, and it still says what it is."""
    layout, folder, found = opened
    copied = tmp_path / "elsewhere"
    shutil.copytree(stand_in(folder), copied)
    again = open_set(str(copied), "nih", tmp_path / "kept", {}, 64, OPTIONS, 1)
    assert (again.layout, again.store.kind) == (layout, "stand-in")
    assert again.images.names == found.images.names
    assert np.array_equal(load_images(again.store.root)[1], load_images(found.store.root)[1])
    described = json.loads((copied / "dataset.json").read_text(encoding="utf-8"))
    (copied / "dataset.json").write_text(json.dumps({**described, "kind": "real"}), encoding="utf-8")
    other = open_set(str(copied), layout, tmp_path / "kept", {}, 64, OPTIONS, 1)
    assert other.store.kind == "real data"
    assert other.fingerprint != again.fingerprint
    assert other.store.root != again.store.root


def test_side_and_options_of_the_layout_make_another_store(tmp_path):
    options = [OPTIONS, {"nih": {"val_share": 0.5}}, {**OPTIONS, "vindr": {"min_readers": 3}}]
    found = [open_set("", "nih", tmp_path, SPECS["nih"], 64, one, 1) for one in options]
    larger = open_set("", "nih", tmp_path, SPECS["nih"], 96, OPTIONS, 1)
    assert found[0].store == found[2].store  # options of another layout
    assert len({found[0].store.root, found[1].store.root, larger.store.root}) == 3
    assert len(found[1].images.part("val")) > len(found[0].images.part("val"))
    assert not set(found[0].images.part("val").patients) & set(found[0].images.part("train").patients)


def test_an_option_that_does_not_exist_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"^options of nih: found 'splits', expected one of split"):
        open_set("", "nih", tmp_path, SPECS["nih"], 64, {"nih": {"splits": 1}}, 1)
