"""Crops made once: their pixels, boxes, parts and masks worked by hand; processes, faults, full disks."""

import errno
import json
import tracemalloc
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from data_gen.store import _sources, ensure, fingerprint
from papers_lib.datasets import row_file, voc_store
from papers_lib.datasets.row_file import RowFile
from papers_lib.datasets.voc import load_voc
from papers_lib.datasets.voc_crop_split import load_crops
from papers_lib.datasets.voc_crops import VocCrops
from papers_lib.datasets.voc_store import CropSpec, splits_of, write_crops
from papers_lib.errors import UserError
from tests.datasets.voc_tree import SIZE, Tree, noise, object_xml, part_xml

SAMPLE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "voc_sample"


@pytest.fixture
def tree(tmp_path):
    """Three pictures: two to train on, with a part, a mask and a difficult box, and one to test on."""
    tree = Tree(tmp_path)
    part = part_xml((6, 5, 9, 8)) + part_xml((1, 1, 2, 2))
    tree.add("a", [object_xml("cat", (5, 3, 24, 12), part), object_xml("eel", (1, 1, 40, 30), difficult=1)])
    tree.add("b", [object_xml("cat", (11, 11, 20, 30))], pixels=noise(seed=1))
    tree.add("t", [object_xml("dog", (21, 16, 40, 30)), object_xml("cat", (1, 1, 8, 6))], "val")
    numbers = np.zeros(SIZE[::-1], np.uint8)
    numbers[2:12, 4:14], numbers[20:, :] = 1, 2
    tree.mask("a", numbers)
    return tree


def made(tree, folder, jobs=1, **settings):
    spec = CropSpec("set", **({"side": 10, "mask_side": 2} | settings))
    folder = write_crops(folder, spec, root=tree.root, jobs=jobs)
    return load_crops(folder, "train"), load_crops(folder, "test")


def test_a_crop_and_all_that_belongs_to_it(tree, tmp_path):
    train, test = made(tree, tmp_path / "out")
    assert (train.names, test.names) == (("cat", "dog", "eel"),) * 2  # "dog" is in the test list only
    assert (train.classes.tolist(), test.classes.tolist()) == ([0, 2, 0], [1, 0])
    assert (train.classes.dtype, train.image.dtype) == (np.int64, np.int64)
    assert (train.image.tolist(), test.image.tolist()) == ([0, 0, 1], [0, 0])
    assert (train.pictures, test.pictures) == (("VOC2012/a", "VOC2012/b"), ("VOC2012/t",))
    assert train.boxes.tolist() == [[4, 2, 24, 12], [0, 0, 40, 30], [10, 10, 20, 30]]
    assert train.region.tolist() == [[0, 0, 10, 10]] * 3
    # The first part of the first object, (5, 4, 9, 8): 1/20 … 5/20 and 2/10 … 6/10 of its box.
    assert train.parts[0].tolist() == [0.5, 2, 2.5, 6]
    assert np.isnan(train.parts[1:]).all()
    # Object 1 fills the left half of its box; object 2 the lower 10 rows of 30, so 10 of a cell's 15.
    assert train.has_mask.tolist() == [True, True, False]
    assert train.masks.tolist() == [[[1, 0], [1, 0]], [[0, 0], [1, 1]], [[0, 0], [0, 0]]]
    assert (train.scenes, train.scene_boxes, test.scenes) == (None, [], None)
    crops = ((train.images[2], noise(seed=1), (10, 10, 20, 30)), (test.images[0], noise(), (20, 15, 40, 30)))
    for found, pixels, box in crops:
        expected = Image.fromarray(pixels).crop(box).resize((10, 10), Image.Resampling.BILINEAR)
        assert (found == np.asarray(expected)).all()


def test_the_pixels_are_those_of_voc_crops(tree, tmp_path):
    for whole in (False, True):
        train, _ = made(tree, tmp_path / f"out{whole}", whole=whole)
        drawn = VocCrops(load_voc(tree.root, "train"), 10, seed=0, whole=whole)
        for epoch in range(4):
            drawn.set_epoch(epoch)
            for picture in range(2):
                row = np.flatnonzero(train.image == picture)[0 if whole else drawn.chosen(picture)]
                item = drawn[picture]
                assert (train.images[row].transpose(2, 0, 1) == item.image.numpy()).all()
                assert train.region[row].tolist() == item.boxes[0].tolist()


def test_a_whole_picture_keeps_box_part_and_mask_inside(tree, tmp_path):
    train, _ = made(tree, tmp_path / "out", whole=True, mask_side=20)
    assert (train.images[0] == train.images[1]).all()
    assert np.allclose(train.region[0], [1, 2 / 3, 6, 4])  # (4, 2, 24, 12) of 40 x 30 on 10 x 10
    assert np.allclose(train.parts[0], [5 / 4, 4 / 3, 9 / 4, 8 / 3])
    columns = np.flatnonzero(train.masks[0].any(0))  # pixels 4 to 14, two a cell
    assert (columns[0], columns[-1]) == (2, 6)


def test_scenes_are_the_test_pictures_with_their_boxes(tree, tmp_path):
    train, test = made(tree, tmp_path / "out", scene_side=20)
    assert train.scenes is None
    assert test.scenes.shape == (1, 20, 20, 3)
    expected = Image.fromarray(noise()).resize((20, 20), Image.Resampling.BILINEAR)
    assert (test.scenes[0] == np.asarray(expected)).all()
    assert np.allclose(test.scene_boxes[0], [[10, 10, 20, 20], [0, 0, 4, 4]])
    assert [found.tolist() for found in test.scene_classes] == [[1, 0]]


def test_difficult_boxes_can_be_left_out_and_parts_outside_the_item_do_not_count(tree, tmp_path):
    tree.add("c", [object_xml("cat", (5, 3, 24, 12), part_xml((30, 20, 35, 25)) + part_xml((5, 5, 6, 6)))])
    tree.add("d", [object_xml("dog", (5, 3, 24, 12), part_xml((9, 9, 5, 5)) + part_xml((5, 3, 14, 12)))])
    train, _ = made(tree, tmp_path / "out", difficult=False)
    assert train.classes.tolist() == [0, 0, 0, 1]
    assert np.isnan(train.parts[2]).all()
    assert train.parts[3].tolist() == [0, 0, 5, 10]  # the first one has no area: left out and counted
    left_out = json.loads((tmp_path / "out" / "crops.json").read_text())["parts_left_out"]
    assert left_out == {"train": {"box without area": 1}, "test": {}}


def test_a_box_one_pixel_wide(tree, tmp_path):
    tree.add("c", [object_xml("cat", (0, 4, 1, 30)), object_xml("cat", (40, 0, 41, 1))])  # counted from 0
    numbers = np.zeros(SIZE[::-1], np.uint8)
    numbers[3:, 0], numbers[0, 39] = 1, 2
    tree.mask("c", numbers)
    train, _ = made(tree, tmp_path / "out")
    assert train.boxes[3:].tolist() == [[0, 3, 1, 30], [39, 0, 40, 1]]
    assert (train.images[4] == noise()[0, 39]).all()
    assert (train.images[3] == train.images[3][:, :1]).all()
    assert train.masks[3:].all()
    # One that is written with xmin = xmax is a fault of the set.
    tree.add("d", [object_xml("cat", (7, 4, 7, 30))])
    with pytest.raises(UserError, match=r"d\.xml: 'cat': found box \(7, 4, 7, 30\)"):
        made(tree, tmp_path / "other")
    assert not list(tmp_path.glob("*other*"))


def test_processes_change_no_byte_and_their_faults_are_one_line(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(voc_store, "CHUNK", 1)
    trees = []
    for jobs in (1, 2):
        made(tree, tmp_path / f"out{jobs}", jobs, scene_side=7)
        files = sorted((tmp_path / f"out{jobs}").rglob("*.*"))
        trees.append([(path.relative_to(tmp_path / f"out{jobs}"), path.read_bytes()) for path in files])
    assert len(trees[0]) == 21  # 8 arrays and the pictures' ids twice, scenes with boxes, crops.json
    assert trees[0] == trees[1]
    picture = tree.root / "VOC2012/JPEGImages/b.png"
    picture.write_bytes(picture.read_bytes()[:-900])
    for jobs in (1, 2):
        with pytest.raises(UserError, match=r"b\.png: cannot be decoded") as caught:
            made(tree, tmp_path / "broken", jobs)
        assert "\n" not in str(caught.value)
        assert not list(tmp_path.glob("*broken*"))


def test_no_split_is_ever_in_memory(tree, tmp_path):
    tree.add("many", [object_xml("cat", (n, 1, n + 5, 9)) for n in range(1, 34)] * 2)
    train, _ = made(tree, tmp_path / "first", side=200)  # also loads what is imported late
    assert train.images.nbytes > 8e6
    tracemalloc.start()
    made(tree, tmp_path / "out", side=200)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6


def test_the_name_in_the_store_depends_on_spec_and_code_not_on_root_or_jobs(tree, tmp_path):
    spec = CropSpec("set", side=4)
    names = {
        fingerprint(spec, partial(write_crops, root=root, jobs=jobs)) for root in "ab" for jobs in (1, 2)
    }
    others = [
        CropSpec("other", 4),
        CropSpec("set", 5),
        CropSpec("set", 4, mask_side=9),
        CropSpec("set", 4, True),
    ]
    assert len(names | {fingerprint(other, write_crops) for other in others}) == 5
    code = {path.name for path in _sources(Path(voc_store.__file__))}
    assert {"voc_frame.py", "voc_parts.py", "voc_masks.py", "voc_annotations.py", "voc_files.py"} <= code
    assert "voc_crop_split.py" not in code  # reading otherwise makes nothing stale
    folder = ensure(tmp_path / "store", "crops", spec, partial(write_crops, root=tree.root))
    assert len(load_crops(folder, "test")) == 2
    assert ensure(tmp_path / "store", "crops", spec, partial(write_crops, root="gone")) == folder


def test_the_lists_to_train_and_test_on(tree):
    assert splits_of(tree.root) == {"train": "train", "test": "val"}
    tree.add("v", [object_xml("cat", (1, 1, 9, 9))], "trainval")
    assert splits_of(tree.root) == {"train": "train", "test": "val"}  # as VOC 2012 alone, which has no test
    tree.add("v", [object_xml("cat", (1, 1, 9, 9))], "test", year=2007)
    assert splits_of(tree.root) == {"train": "trainval", "test": "test"}
    for name in ("2012/ImageSets/Main/val", "2012/ImageSets/Main/trainval"):
        (tree.root / f"VOC{name}.txt").unlink()
    with pytest.raises(UserError, match=r"found of the lists .* train, test, expected trainval and test, or"):
        splits_of(tree.root)


def test_a_single_class_to_train_on_is_refused_and_names_the_list(tree, tmp_path):
    with pytest.raises(
        UserError, match=r"Main/train\.txt: found objects of class 'cat' alone, expected at lea"
    ):
        made(tree, tmp_path / "out", difficult=False)  # "eel" is difficult, "dog" only in the other list
    assert not list(tmp_path.glob("*out*"))
    one = Tree(tmp_path / "one")
    one.add("a", [object_xml("cat", (5, 3, 24, 12)), object_xml("dog", (5, 3, 24, 12))])
    one.add("t", [object_xml("cat", (5, 3, 24, 12))], "val")
    train, test = made(one, tmp_path / "one_picture")
    assert (len(train.pictures), len(test.names)) == (1, 2)


def test_faults_of_both_lists_are_user_errors_by_name_too(tree, tmp_path):
    for name in "at":
        path = tree.root / f"VOC2012/Annotations/{name}.xml"
        before = path.read_text()
        path.write_text("<annotation>")
        with pytest.raises(UserError, match=rf"{name}\.xml: found .* expected XML") as caught:
            made(tree, tmp_path / "out")
        assert type(caught.value) is UserError
        path.write_text(before)


def test_a_picture_to_train_and_to_test_on_is_refused(tree, tmp_path):
    tree.add("t", [object_xml("cat", (1, 1, 9, 9))])
    with pytest.raises(UserError, match="found VOC2012/t in both lists, train and val"):
        made(tree, tmp_path / "out")


def test_a_full_disk_is_told_before_and_leaves_nothing(tree, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"GB free, expected 15000\.0 GB for 5 crops"):
        made(tree, tmp_path / "out", side=10**6)

    # 5 items of 10 x 10 px; masks of the two objects in "a", which alone has any
    needed = 3 * 5 * 10**2 + 2 * 1000**2
    monkeypatch.setattr(row_file.shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed - 1))
    with pytest.raises(UserError, match=r"found 2\.0 MB free, expected 2\.0 MB for 5 crops"):
        made(tree, tmp_path / "out", mask_side=1000)
    monkeypatch.setattr(row_file.shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed))
    made(tree, tmp_path / "fits", mask_side=1000)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RowFile, "write", full)
    with pytest.raises(UserError, match=r"out: cannot be written \(No space left on device\)"):
        made(tree, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


def test_wrong_arguments_name_the_parameter(tree, tmp_path):
    for name, value in {"side": 0, "mask_side": 0, "scene_side": -1}.items():
        with pytest.raises(UserError, match=f"^{name}: found {value}, expected"):
            CropSpec("set", **({"side": 4} | {name: value}))
    with pytest.raises(UserError, match="side: found True"):
        CropSpec("set", side=True)
    with pytest.raises(UserError, match="jobs: found -1"):
        made(tree, tmp_path / "out", jobs=-1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("kept")
    with pytest.raises(UserError, match="mine: is there already"):
        made(tree, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "kept"


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the shared VOC sample is not on this machine")
def test_the_shared_sample(tmp_path):
    write_crops(tmp_path / "out", CropSpec("sample", side=32, scene_side=32), root=SAMPLE)
    train, test = (load_crops(tmp_path / "out", split) for split in ("train", "test"))
    assert (len(train), len(test)) == (792, 347)
    assert (len(train.pictures), len(test.pictures), len(test.scenes)) == (575, 242, 242)
    assert len(set(train.classes)) == len(set(test.classes)) == len(train.names) == 10
    assert not train.has_mask.any()
    assert np.isnan(train.parts).all()
    assert (train.images.reshape(792, -1).std(1) > 0).all()
    assert (np.concatenate(test.scene_boxes) <= 32).all()
