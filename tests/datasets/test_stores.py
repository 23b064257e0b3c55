"""Stores of resized pictures and of crops: what comes back, from how many processes, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.image_sets import load_set, write_set
from papers_lib.datasets.image_store import StoreSpec, load_images, write_images
from papers_lib.datasets.row_file import RowFile, check_room, new_row_file
from papers_lib.datasets.voc import load_voc
from papers_lib.datasets.voc_crops import crop_frame, square
from papers_lib.datasets.voc_store import CropSpec, load_crops, write_crops
from papers_lib.errors import UserError
from tests.datasets import nih_tree
from tests.datasets.voc_tree import Tree, noise, object_xml, part_xml


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rows_in_any_order(tmp_path):
    new_row_file(tmp_path / "a.npy", np.uint8, (3, 2))
    with RowFile(tmp_path / "a.npy") as rows:
        rows.write(2, np.array([5, 6], np.uint8))
        rows.write(0, np.array([1, 2], np.uint8))
        for value in (np.zeros(2), np.zeros(3, np.uint8)):
            with pytest.raises(ValueError, match="row: found"):
                rows.write(1, value)
    assert np.load(tmp_path / "a.npy").tolist() == [[1, 2], [0, 0], [5, 6]]
    with pytest.raises(UserError, match=r"free, expected 1000000\.0 MB for 3 crops"):
        check_room(tmp_path, 10**30 // 10**18, "3 crops")


# Resized pictures


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """70 pictures of 8 x 8, more than a worker makes at once; every second has a box."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = [folder / f"{k:02}.png" for k in range(70)]
    for k, path in enumerate(paths):
        Image.fromarray(np.full((8, 8), k, np.uint8)).save(path)
    box = np.array([[0, 0, 0.5, 1]], np.float32)
    return BoxedImages(
        classes=("a", "b"),
        names=tuple(path.stem for path in paths),
        paths=tuple(paths),
        where=tuple(f"table.csv line {k + 2}" for k in range(70)),
        labels=np.arange(140).reshape(70, 2) % 3 == 0,
        boxes=tuple(box[: k % 2] for k in range(70)),
        box_classes=tuple(np.ones(k % 2, np.int64) for k in range(70)),
        patients=np.array([f"p{k // 2}" for k in range(70)]),
        split=np.array((["train"] * 50) + ["val"] * 10 + [""] * 10),
    )


def test_everything_comes_back_whatever_the_number_of_processes(images, tmp_path):
    spec = StoreSpec("data", 4, 3, options={"seed": 1})
    folder = write_images(tmp_path / "store", spec, images=images)
    found, pixels = load_images(folder)
    for name in ("classes", "names", "paths", "where"):
        assert getattr(found, name) == getattr(images, name)
    for name in ("labels", "patients", "split"):
        assert (getattr(found, name) == getattr(images, name)).all()
    for name in ("boxes", "box_classes"):
        for one, other in zip(getattr(found, name), getattr(images, name), strict=True):
            np.testing.assert_array_equal(one, other, strict=True)
    assert pixels.shape == (70, 4, 4, 3)
    assert (pixels == np.arange(70).reshape(-1, *[1] * (pixels.ndim - 1))).all()
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0
    assert content(write_images(tmp_path / "two", spec, images=images, jobs=2)) == content(folder)


def test_a_bad_picture_is_named_with_its_row_and_nothing_stays(images, tmp_path):
    paths = list(images.paths)
    paths[65] = tmp_path / "gone.png"
    broken = BoxedImages(**{**vars(images), "paths": tuple(paths)})
    for jobs in (1, 2):
        with pytest.raises(UserError) as error:
            write_images(tmp_path / "store", StoreSpec("data", 4), images=broken, jobs=jobs)
        assert "gone.png: no such file" in str(error.value)
        assert str(error.value).endswith("(listed in table.csv line 67)")

    def reader(path: Path) -> Image.Image:
        raise KeyError("what\never")

    with pytest.raises(UserError, match=r"00\.png: cannot be decoded \(KeyError.*table\.csv line 2\)"):
        write_images(tmp_path / "store", StoreSpec("data", 4), images=images, reader=reader)
    assert list(tmp_path.iterdir()) == []


def test_arguments_of_a_store(images, tmp_path):
    for spec, message in (
        ({"side": True}, "side: found True"),
        ({"side": 1, "channels": 2}, "channels: found 2"),
    ):
        with pytest.raises(UserError, match=message):
            StoreSpec("data", **spec)
    with pytest.raises(UserError, match="no image to write"):
        write_images(tmp_path / "a", StoreSpec("data", 1), images=images.take([]))
    with pytest.raises(UserError, match="jobs: found -1"):
        write_images(tmp_path / "a", StoreSpec("data", 1), images=images, jobs=-1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        write_images(tmp_path / "full", StoreSpec("data", 1), images=images)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "images.json").write_text("{}"),
        lambda folder: (folder / "images.npy").write_bytes(b"x"),
        lambda folder: np.save(folder / "images.npy", np.zeros((3, 4, 4), np.uint8)),
        lambda folder: np.save(folder / "boxes.npy", np.zeros((3, 4), np.float32)),
        lambda folder: np.save(folder / "box_counts.npy", np.full(70, -1)),
        lambda folder: np.save(folder / "boxes.npy", np.array(["a"], object), allow_pickle=True),
    ],
)
def test_a_damaged_store_is_one_line(images, tmp_path, damage):
    folder = write_images(tmp_path / "store", StoreSpec("data", 4), images=images)
    damage(folder)
    with pytest.raises(UserError, match="expected what write_images wrote") as error:
        load_images(folder)
    assert str(folder) in str(error.value)


def test_a_set_by_its_kind_and_options(tmp_path):
    root = nih_tree.write_release(tmp_path / "nih")
    folder = write_set(tmp_path / "store", StoreSpec("x", 4, options={"val_share": 0}), root=root)
    assert load_images(folder)[0].names == tuple(row[0] for row in nih_tree.ROWS)
    with pytest.raises(UserError, match="options of nih: found 'seeds', expected one of split, val_share"):
        load_set(StoreSpec("x", 4, options={"seeds": 1}), root)
    with pytest.raises(UserError, match="kind: found 'mnist', expected one of nih, vindr, voc"):
        load_set(StoreSpec("x", 4, kind="mnist"), root)


# Crops

OBJECTS = {
    "a": [object_xml("cat", (3, 5, 22, 24), part_xml((5, 7, 10, 12))), object_xml("dog", (1, 1, 40, 30))],
    "b": [object_xml("dog", (2.5, 2, 9.5, 9), part_xml((30, 20, 40, 30)))],
    "c": [object_xml("cat", (1, 1, 20, 20)), object_xml("dog", (5, 5, 6, 6), difficult=1)],
}


@pytest.fixture
def tree(tmp_path):
    tree = Tree(tmp_path)
    for seed, name in enumerate(OBJECTS):
        tree.add(name, OBJECTS[name], "val" if name == "c" else "train", pixels=noise(seed=seed))
    numbers = np.zeros((30, 40), np.uint8)
    numbers[4:14, 2:22], numbers[25:] = 1, 2
    tree.mask("a", numbers)
    return tree


def test_a_crop_and_all_that_belongs_to_it(tree, tmp_path):
    found = load_crops(write_crops(tmp_path / "s", CropSpec("x", 20, mask_side=4), root=tree.root), "train")
    assert (found.names, found.pictures) == (("cat", "dog"), ("VOC2012/a", "VOC2012/b"))
    assert (found.classes.tolist(), found.image.tolist()) == ([0, 1, 1], [0, 0, 1])
    assert [one.tolist() for one in found.boxes_of_image()] == [[0, 2], [2, 1]]
    assert (found.images[0] == noise(seed=0)[4:24, 2:22]).all()  # its box has the crop's size
    assert found.region[0].tolist() == [0, 0, 20, 20]
    assert found.masks[0].tolist() == [[True] * 4] * 2 + [[False] * 4] * 2
    assert found.has_mask.tolist() == [True, True, False]
    assert found.parts[0].tolist() == [2, 2, 8, 8]
    assert np.isnan(found.parts[1:]).all()  # none, and one outside of the crop
    records = load_voc(tree.root, "train").records
    for item, (record, place) in enumerate([(records[0], 0), (records[0], 1), (records[1], 0)]):
        picture = Image.open(record.image).convert("RGB")
        assert (found.images[item] == square(picture, crop_frame(record.boxes[place]), 20)).all()
    with pytest.raises(ValueError, match="read-only"):
        found.images[0] = 0


def test_whole_pictures_scenes_and_difficult_boxes(tree, tmp_path):
    spec = CropSpec("x", 20, whole=True, scene_side=10)
    folder = write_crops(tmp_path / "whole", spec, root=tree.root)
    train, test = load_crops(folder, "train"), load_crops(folder, "test")
    assert (train.images[0] == train.images[1]).all()
    assert train.region[0].tolist() == [1, pytest.approx(8 / 3), 11, 16]
    assert train.scenes is None
    assert test.scenes.shape == (1, 10, 10, 3)
    assert test.scene_boxes[0][0].tolist() == [0, 0, 5, pytest.approx(20 / 3)]
    assert test.scene_classes[0].tolist() == [0, 1]
    easy = write_crops(tmp_path / "easy", CropSpec("x", 4, difficult=False), root=tree.root)
    assert load_crops(easy, "test").classes.tolist() == [0]


def test_processes_change_no_byte(tmp_path):
    tree = Tree(tmp_path)
    for k in range(66):
        tree.add(f"{k:02}", OBJECTS["ab"[k % 2]], "val" if k == 65 else "train")
    one, two = (write_crops(tmp_path / f"{j}", CropSpec("x", 4), root=tree.root, jobs=j) for j in (1, 2))
    assert content(one) == content(two)
    whole = (tree.root / "VOC2012/JPEGImages/64.png").read_bytes()
    (tree.root / "VOC2012/JPEGImages/64.png").write_bytes(whole[:2000])  # its header is whole
    for jobs in (1, 2):
        with pytest.raises(UserError, match=r"64\.png: cannot be decoded"):
            write_crops(tmp_path / "three", CropSpec("x", 4), root=tree.root, jobs=jobs)
    assert not (tmp_path / "three").exists()


def test_what_cannot_be_stored_is_refused(tree, tmp_path):
    shutil.copytree(tree.root, tmp_path / "both/VOCdevkit")
    Tree(tmp_path / "both").add("a", OBJECTS["a"], "val")
    with pytest.raises(UserError, match="found VOC2012/a in both lists, train and val"):
        write_crops(tmp_path / "s", CropSpec("x", 4), root=tmp_path / "both")
    alone = Tree(tmp_path / "alone")
    alone.add("a", OBJECTS["b"])
    alone.add("b", OBJECTS["b"], "val")
    with pytest.raises(UserError, match=r"train\.txt: found objects of class 'dog' alone"):
        write_crops(tmp_path / "s", CropSpec("x", 4), root=alone.root)
    for name in ("side", "mask_side", "scene_side"):
        with pytest.raises(UserError, match=f"{name}: found -1"):
            CropSpec("x", **({"side": 4} | {name: -1}))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "crops.json").write_text("{}"),
        lambda folder: (folder / "train/images.npy").unlink(),
        lambda folder: np.save(folder / "train/classes.npy", np.zeros(9, np.int64)),
        lambda folder: np.save(folder / "train/image.npy", np.zeros(3, np.int64)),
    ],
)
def test_damaged_crops_are_one_line(tree, tmp_path, damage):
    folder = write_crops(tmp_path / "store", CropSpec("x", 4), root=tree.root)
    damage(folder)
    with pytest.raises(UserError, match="what write_crops wrote") as error:
        load_crops(folder, "train")
    assert str(folder) in str(error.value)
    with pytest.raises(UserError, match="split: found 'val'"):
        load_crops(folder, "val")
