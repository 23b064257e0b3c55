import json
from functools import partial
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from data_gen import scenes
from data_gen.scene_classes import CLASSES
from data_gen.scene_files import NAMES, PALETTE
from data_gen.scene_paint import paint
from data_gen.scenes import ScenesSpec, draw, main, write
from data_gen.store import ensure
from papers_lib.datasets.voc import load_voc
from papers_lib.errors import UserError

SPEC = ScenesSpec(train=12, test=6, seed=3)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("scenes") / "set", SPEC)


def content(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("split", "count"), [("trainval", 12), ("test", 6)])
def test_the_reader_of_voc_finds_what_was_drawn(root, split: str, count: int) -> None:
    read = load_voc(root, split, mode="strict", verify_images=True)
    assert len(read) == count
    assert set(read.classes) <= {one.name for one in CLASSES}
    assert not read.report.boxes
    for index, record in enumerate(read.records):
        scene = draw(SPEC, split, index)
        assert record.id == f"VOC2012/{split}_{index:06d}"
        assert record.size == scene.size
        assert record.names == tuple(one.scene_class.name for one in scene.objects)
        assert (record.boxes == [one.box for one in scene.objects]).all()
        assert record.truncated.tolist() == [one.truncated for one in scene.objects]
        assert not record.difficult.any()


def test_masks_and_boxes_agree(root) -> None:
    folder = root / "VOC2012"
    assert sorted(path.name for path in (folder / "ImageSets/Segmentation").iterdir()) == [
        "test.txt",
        "trainval.txt",
    ]
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


def test_parts_are_written_as_voc_writes_them(root) -> None:
    for index in range(SPEC.train):
        path = root / "VOC2012" / "Annotations" / f"trainval_{index:06d}.xml"
        objects = draw(SPEC, "trainval", index).objects
        items = ElementTree.parse(path).getroot().findall("object")
        assert len(items) == len(objects)
        for item, one in zip(items, objects, strict=True):
            (part,) = item.findall("part")
            left, top, right, bottom = one.part.box
            written = [int(part.findtext(f"bndbox/{key}") or 0) for key in ("xmin", "ymin", "xmax", "ymax")]
            assert written == [left + 1, top + 1, right, bottom]
            assert item.findtext("name") == f"{one.scene_class.body}-{part.findtext('name')}"


def test_pictures_are_what_was_painted(root) -> None:
    image, _ = paint(draw(SPEC, "test", 0))
    with Image.open(root / "VOC2012" / "JPEGImages" / "test_000000.jpg") as file:
        read = np.asarray(file).astype(float)
    assert read.shape == image.shape
    assert abs(read - image).mean() < 6  # what JPEG loses


def test_files_do_not_depend_on_processes_or_on_the_length_of_a_split(root, tmp_path) -> None:
    assert content(write(tmp_path / "two", SPEC, jobs=2)) == content(root)
    shorter = content(write(tmp_path / "short", ScenesSpec(train=2, test=1, seed=3)))
    whole = content(root)
    pictures = [name for name in shorter if name.endswith((".jpg", ".png", ".xml"))]
    assert len(pictures) == 3 * 4
    assert all(shorter[name] == whole[name] for name in pictures)
    other = content(write(tmp_path / "other", ScenesSpec(train=1, test=0, seed=4)))
    name = "VOC2012/JPEGImages/trainval_000000.jpg"
    assert other[name] != whole[name]
    assert whole[name] != whole["VOC2012/JPEGImages/test_000000.jpg"]


def test_a_data_set_says_that_it_is_a_stand_in(root, tmp_path) -> None:
    description = json.loads((root / "dataset.json").read_text())
    assert description["kind"] == "stand-in"
    assert description["parameters"] == {"train": 12, "test": 6, "seed": 3}
    stored = ensure(tmp_path, "scenes", ScenesSpec(1, 1), partial(write, jobs=1))
    assert stored.name.startswith("scenes-")
    assert len(load_voc(stored, "test")) == 1


def test_nothing_is_written_over(tmp_path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UserError, match="is there already, expected a new or an empty folder"):
        write(tmp_path, ScenesSpec(1, 0))
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_nothing_half_written_stays(tmp_path, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scenes, "_write_one", fail)
    with pytest.raises(UserError, match="set: cannot be written \\(No space left on device\\)"):
        write(tmp_path / "set", ScenesSpec(1, 0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"train": -1}, "train: found -1, expected a whole number of at least 0"),
        ({"test": True}, "test: found True, expected a whole number"),
        ({"seed": 0.5}, "seed: found 0.5, expected a whole number"),
        ({"train": 0, "test": 0}, "both are 0, expected at least one scene"),
    ],
)
def test_a_bad_parameter_is_named(parameters, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ScenesSpec(**parameters)


def test_a_bad_split_or_number_of_jobs_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match="split: found 'train', expected one of trainval, test"):
        draw(SPEC, "train", 0)
    with pytest.raises(UserError, match="jobs: found -1"):
        write(tmp_path / "set", SPEC, jobs=-1)


def test_command_line(tmp_path, capsys) -> None:
    arguments = [str(tmp_path / "set"), "--train", "1", "--test", "0"]
    assert main(arguments) == 0
    assert len(load_voc(tmp_path / "set", "trainval")) == 1
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is there already" in error
