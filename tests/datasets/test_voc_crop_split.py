"""Stored crops as a run opens them: maps, not copies; damage is named; boxes of a picture are found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.datasets.voc_crop_split import boxes_of_image, load_crops
from papers_lib.datasets.voc_store import CropSpec, write_crops
from papers_lib.errors import UserError
from tests.datasets.voc_tree import Tree, object_xml


@pytest.fixture
def folder(tmp_path):
    tree = Tree(tmp_path)
    box = (1, 1, 9, 9)
    tree.add("a", [object_xml("cat", box), object_xml("dog", box)])
    tree.add("b", [object_xml("dog", box)])
    tree.add("t", [object_xml("cat", box)], "val")
    return write_crops(tmp_path / "out", CropSpec("set", side=4, scene_side=5), root=tree.root)


def test_large_arrays_are_maps_that_nobody_can_write_to(folder):
    test = load_crops(folder, "test")
    for array in (test.images, test.masks, test.scenes):
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    train = load_crops(folder, "train")
    assert len(train) == 3
    assert [column.tolist() for column in train.boxes_of_image()] == [[0, 2], [2, 1]]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_a_vectorised_draw_takes_one_box_of_each_picture(counts, seed):
    image = np.repeat(np.arange(len(counts)), counts)
    start, count = boxes_of_image(image)
    rows = start + np.random.default_rng(seed).integers(count)
    assert image[rows].tolist() == list(range(len(counts)))
    assert count.tolist() == counts


def test_a_draw_is_uniform_over_the_boxes_of_a_picture():
    start, count = boxes_of_image(np.repeat([0, 1], [3, 1]))
    generator = np.random.default_rng(0)
    drawn = np.bincount([(start + generator.integers(count))[0] for _ in range(3000)])
    assert (abs(drawn - 1000) < 4 * np.sqrt(3000 * 2 / 9)).all()  # within four standard deviations


@pytest.mark.parametrize("name", ["crops.json", "train/pictures.json", "train/images.npy", "train/parts.npy"])
def test_a_file_that_is_missing_or_damaged_is_named(folder, name):
    path = folder / name
    data = path.read_bytes()
    for damaged in (data[: len(data) // 2], b"", b"7", b"\xff\xfe"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=path.name) as caught:
            load_crops(folder, "train")
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(UserError, match=path.name):
        load_crops(folder, "train")


def test_arrays_that_do_not_fit_each_other_are_refused(folder):
    np.save(folder / "train" / "boxes.npy", np.zeros((2, 4), np.float32))
    with pytest.raises(UserError, match=r"boxes\.npy: found 2 rows, expected 3"):
        load_crops(folder, "train")
    np.save(folder / "test" / "image.npy", np.array([1]))
    with pytest.raises(UserError, match=r"image\.npy: found 2 pictures, expected 1"):
        load_crops(folder, "test")
    with pytest.raises(UserError, match="split: found 'val', expected train or test"):
        load_crops(folder, "val")
