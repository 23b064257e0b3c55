"""Scenes: the reader of VOC finds what was drawn, the parts decide, and nothing else tells a pair apart."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from data_gen.scene_objects import Scene, draw_scene, paint
from data_gen.scene_shapes import CLASSES, DECOYS, FREQUENCIES, MOST_OBJECTS, draw_classes, partner
from data_gen.scenes import NAMES, PALETTE, ScenesSpec, draw, write
from papers_lib.datasets.voc import load_voc
from papers_lib.datasets.voc_crops import part_boxes

SPEC = ScenesSpec(train=12, test=6, seed=3)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("scenes") / "set", SPEC)


@pytest.mark.parametrize(("split", "count"), [("trainval", 12), ("test", 6)])
def test_the_reader_of_voc_finds_what_was_drawn(root, split: str, count: int) -> None:
    read = load_voc(root, split)
    assert len(read) == count
    assert set(read.classes) <= {one.name for one in CLASSES}
    assert not read.left_out
    for index, record in enumerate(read.records):
        scene = draw(SPEC, split, index)
        assert record.id == f"VOC2012/{split}_{index:06d}"
        assert record.size == scene.size
        assert record.names == tuple(one.scene_class.name for one in scene.objects)
        parts = [boxes.tolist() for boxes in part_boxes(record)]
        assert parts == [[list(one.part.box)] for one in scene.objects]
        assert (record.boxes == [one.box for one in scene.objects]).all()
        assert record.truncated.tolist() == [one.truncated for one in scene.objects]
        assert not record.difficult.any()


def test_masks_and_boxes_agree(root) -> None:
    folder = root / "VOC2012"
    for record in load_voc(root, "trainval").records:
        name = record.id.split("/")[1]
        with Image.open(folder / "SegmentationObject" / f"{name}.png") as file:
            assert file.mode == "P"
            assert file.getpalette()[:60] == PALETTE[:60]
            numbers = np.asarray(file)
        classes = np.asarray(Image.open(folder / "SegmentationClass" / f"{name}.png"))
        assert set(np.unique(numbers)) == set(range(len(record.boxes) + 1))
        for number, (box, of_class) in enumerate(zip(record.boxes, record.names, strict=True), start=1):
            rows, columns = np.nonzero(numbers == number)
            tight = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert tight == tuple(box)
            assert set(classes[numbers == number]) == {1 + NAMES.index(of_class)}
        assert ((classes == 0) == (numbers == 0)).all()


@pytest.fixture(scope="module")
def drawn() -> list[Scene]:
    return [draw_scene(np.random.default_rng((7, i))) for i in range(200)]


def with_other_part(scene: Scene, place: int) -> Scene:
    one = scene.objects[place]
    other = partner(one.scene_class)
    changed = replace(one, scene_class=other, part=replace(one.part, kind=other.kind))
    return replace(scene, objects=(*scene.objects[:place], changed, *scene.objects[place + 1 :]))


def test_the_classes_of_a_pair_differ_inside_the_part_alone(drawn) -> None:
    for scene in drawn[:25]:
        place = len(scene.objects) // 2
        image, numbers = paint(scene)
        other_image, other_numbers = paint(with_other_part(scene, place))
        assert (numbers == other_numbers).all()
        different = (image != other_image).any(-1)
        left, top, right, bottom = scene.objects[place].part.box
        assert different[top:bottom, left:right].mean() > 0.1
        different[top:bottom, left:right] = False
        assert not different.any()


def test_parts_show_whole_within_their_own_object(drawn) -> None:
    for scene in drawn:
        for number, one in enumerate(scene.objects, start=1):
            left, top, right, bottom = one.box
            x_min, y_min, x_max, y_max = one.part.box
            assert left <= x_min < x_max <= right
            assert top <= y_min < y_max <= bottom
            assert one.part.kind == one.scene_class.kind
            share = one.part.side**2 / ((right - left) * (bottom - top))
            assert 0.06 <= share <= 0.10
            assert left >= 0
            assert top >= 0
            assert right <= scene.size[0]
            assert bottom <= scene.size[1]
            assert min(right - left, bottom - top) >= 50
            assert max(right - left, bottom - top) <= 260
            for decoy in one.decoys:
                a, b, c, d = decoy.box
                assert decoy.kind in DECOYS
                assert c <= x_min or x_max <= a or d <= y_min or y_max <= b
            numbers = np.zeros((scene.size[1], scene.size[0]), int)
            for later, other in enumerate(scene.objects[number - 1 :], start=number):
                numbers[other.patch.window][other.patch.alpha > 0] = later
            assert (numbers[y_min:y_max, x_min:x_max] == number).all()


def test_counts_and_frequencies_are_those_of_voc() -> None:
    generator = np.random.default_rng(0)
    scenes = [draw_classes(generator) for _ in range(20_000)]
    counts = np.array([len(one) for one in scenes])
    assert counts.min() == 1
    assert counts.max() == MOST_OBJECTS
    assert counts.mean() == pytest.approx(27450 / 11540, abs=0.04)
    found = Counter(one for scene in scenes for one in scene)
    shares = np.array([found[one] for one in CLASSES]) / counts.sum()
    assert shares == pytest.approx(FREQUENCIES, abs=0.01)
    assert sum(FREQUENCIES) == pytest.approx(1)
    assert pytest.approx(8566 / 27450, abs=0.005) == FREQUENCIES[0]
