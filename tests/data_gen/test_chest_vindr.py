import csv
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from data_gen import chest_vindr
from data_gen.chest import ChestSpec
from data_gen.chest import describe as nih_describe
from data_gen.chest_findings import Finding, Place
from data_gen.chest_readers import (
    CLASSES,
    MISSED,
    NO_FINDING,
    NO_FINDING_NUMBER,
    READERS,
    Reading,
    chances,
    read,
    shown_part,
)
from data_gen.chest_vindr import VindrSpec, describe, draw, main, write
from data_gen.store import ensure
from papers_lib.datasets import vindr_boxes
from papers_lib.datasets.vindr_cxr import load_vindr
from papers_lib.errors import UserError

SPEC = VindrSpec(images=14, seed=2, side=64)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("vindr") / "set", SPEC)


@pytest.fixture(scope="module")
def entries():
    return [draw(VindrSpec(images=500, side=64, odds=8.0), index)[1] for index in range(500)]


def content(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_are_those_of_kaggle(root) -> None:
    assert (root / "train.csv").read_text().splitlines()[0] == (
        "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"
    )
    meta = {row["image_id"]: (int(row["dim0"]), int(row["dim1"])) for row in rows(root / "train_meta.csv")}
    table = rows(root / "train.csv")
    assert (
        {row["image_id"] for row in table} == set(meta) == {path.stem for path in (root / "train").iterdir()}
    )
    assert all(height != width for height, width in meta.values())
    known = (*vindr_boxes.CLASSES, vindr_boxes.NO_FINDING)
    for row in table:
        assert known[int(row["class_id"])] == row["class_name"]
        assert len(row["image_id"]) == 32
        assert set(row["image_id"]) <= set("0123456789abcdef")
        if row["class_name"] == NO_FINDING:
            assert not row["x_min"] + row["y_min"] + row["x_max"] + row["y_max"]
        else:
            height, width = meta[row["image_id"]]
            assert 0 <= int(row["x_min"]) < int(row["x_max"]) <= width
            assert 0 <= int(row["y_min"]) < int(row["y_max"]) <= height


def test_the_reader_of_vindr_finds_what_was_drawn(root) -> None:
    data = load_vindr(root, seed=0)
    entries = {entry.name: entry for _, entry in (draw(SPEC, index) for index in range(14))}
    assert sorted(data.names) == sorted(entries)
    for name, labels, boxes, kinds in zip(data.names, data.labels, data.boxes, data.box_classes, strict=True):
        entry = entries[name]
        found = [one for one in entry.readings if one.box is not None]
        assert {data.classes[k] for k in np.flatnonzero(labels)} == {one.name for one in found}
        assert [data.classes[k] for k in kinds] == [one.name for one in found]
        sizes = np.array((entry.width, entry.height, entry.width, entry.height))
        for one, box in zip(found, boxes, strict=True):
            assert box * sizes == pytest.approx(one.box, abs=0.01)


def test_three_readers_read_each_picture(root) -> None:
    table = rows(root / "train.csv")
    for name in {row["image_id"] for row in table}:
        own = [row for row in table if row["image_id"] == name]
        readers = {row["rad_id"] for row in own}
        assert len(readers) == 3
        assert readers <= set(READERS)
        for reader in readers:
            found = [row["class_name"] for row in own if row["rad_id"] == reader]
            assert found == [NO_FINDING] or NO_FINDING not in found
            assert len(set(found)) == len(found)


def test_numbers_of_the_classes_are_those_of_the_table() -> None:
    for name, one in CLASSES.items():
        assert vindr_boxes.CLASSES[one.number] == name
        assert sum(chance for _, chance in one.kinds) == pytest.approx(1)
    assert len(vindr_boxes.CLASSES) == NO_FINDING_NUMBER


def test_boxes_lie_around_what_is_drawn() -> None:
    spec = VindrSpec(images=30, seed=1, side=128, odds=8.0)
    checked = 0
    for index in range(30):
        radiograph, found = describe(spec, index)
        _, entry = draw(spec, index)
        _, boxes = chest_vindr.paint(radiograph, spec.side)
        drawn = {name: shown_part(name, box) for (name, _), (_, box) in zip(found, boxes, strict=True)}
        for one in entry.readings:
            if one.box is not None:
                theirs = np.array(one.box) / np.tile((entry.width, entry.height), 2) * spec.side
                sizes = np.tile(np.subtract(drawn[one.name][2:], drawn[one.name][:2]), 2)
                assert np.abs(theirs - drawn[one.name]).max() <= 0.2 * sizes.max() + 0.1
                checked += 1
    assert checked > 100


def test_readers_differ_and_miss_the_slight_findings_more_often() -> None:
    slight, plain = (Finding("Mass", severity, Place(1, 0.5, 0.5), 0) for severity in (0.0, 1.0))
    box = (20.0, 30.0, 60.0, 50.0)
    drawn = [("Nodule/Mass", slight, box), ("Consolidation", plain, box)]
    generator = np.random.default_rng(0)
    found = [read(generator, drawn, 100, 300, 200) for _ in range(500)]
    for name, missed in (("Nodule/Mass", MISSED[0]), ("Consolidation", MISSED[1])):
        boxes = np.array([one.box for reading in found for one in reading if one.name == name])
        assert len(boxes) / 1500 == pytest.approx(1 - missed, abs=0.03)
        assert boxes.mean(0) == pytest.approx((40, 90, 120, 150), abs=1)
        assert boxes.std(0) == pytest.approx(0.06 * np.array((80, 60, 80, 60)), rel=0.15)
    nothing = read(generator, [], 100, 300, 200)
    assert nothing == [Reading(one.reader, NO_FINDING, None) for one in nothing]
    assert len({one.reader for one in nothing}) == 3


def test_prevalences_and_areas(entries) -> None:
    """Areas as in the paper's Table 3 within 30 %, but for calcifications, which are drawn smaller."""
    _, shares = chances(8.0)
    any_finding, _ = chances(8.0)
    for name, one in CLASSES.items():
        boxes = [
            ((r.box[2] - r.box[0]) / e.width) * ((r.box[3] - r.box[1]) / e.height)
            for e in entries
            for r in e.readings
            if r.name == name and r.box is not None
        ]
        seen = sum(any(r.name == name for r in e.readings) for e in entries) / len(entries)
        assert seen == pytest.approx(shares[name] * any_finding, abs=0.06), name
        if name == "Calcification":
            assert 0.004 < np.mean(boxes) < one.area
        else:
            assert np.mean(boxes) == pytest.approx(one.area, rel=0.3), name


def test_most_pictures_show_nothing_at_the_odds_of_the_release() -> None:
    spec = VindrSpec(images=600, odds=1.0)
    assert chances(1.0)[0] == pytest.approx(0.293)
    empty = sum(not describe(spec, index)[1] for index in range(600)) / 600
    assert empty == pytest.approx(0.73, abs=0.06)


def test_another_hospital_than_nih() -> None:
    """Letters on dark plates, harder film, hardly any scattered light."""
    ours = [describe(SPEC, index)[0] for index in range(14)]
    theirs = [nih_describe(ChestSpec(40, 0), "train_val", number, 0)[1].radiograph for number in range(14)]
    assert {one.devices.lettering for one in ours} == {2}
    assert 2 not in {one.devices.lettering for one in theirs}
    for name, sign in (("strength", 1), ("gamma", 1), ("veil", -1), ("noise", -1)):
        apart = [np.mean([getattr(one.exposure, name) for one in hospital]) for hospital in (theirs, ours)]
        assert sign * (apart[1] - apart[0]) > 0.05


def test_what_is_no_finding_does_not_depend_on_the_findings() -> None:
    for index in range(10):
        few, many = (describe(replace(SPEC, odds=odds), index)[0] for odds in (0.01, 900.0))
        assert replace(few, findings=()) == replace(many, findings=())
        assert len(few.findings) < len(many.findings)


def test_pictures_are_what_was_drawn(root) -> None:
    names = [row["image_id"] for row in rows(root / "train_meta.csv")]
    for index, name in enumerate(names):
        image, entry = draw(SPEC, index)
        assert entry.name == name
        with Image.open(root / "train" / f"{name}.png") as file:
            assert file.mode == "L"
            assert (np.asarray(file) == image).all()


def test_files_do_not_depend_on_processes_or_on_the_length_of_the_set(root, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(chest_vindr, "CHUNK", 4)
    assert content(write(tmp_path / "two", SPEC, jobs=2)) == content(root)
    short = content(write(tmp_path / "short", replace(SPEC, images=3)))
    whole = content(root)
    pictures = [name for name in short if name.endswith(".png")]
    assert len(pictures) == 3
    assert all(short[name] == whole[name] for name in pictures)
    assert (draw(replace(SPEC, seed=3), 0)[0] != draw(SPEC, 0)[0]).any()


def test_a_data_set_says_that_it_is_a_stand_in(root, tmp_path) -> None:
    description = json.loads((root / "dataset.json").read_text())
    assert description["kind"] == "stand-in"
    assert description["generator"] == "data_gen.chest_vindr"
    assert VindrSpec(**description["parameters"]) == SPEC
    stored = ensure(tmp_path, "vindr", VindrSpec(1, side=64), partial(write, jobs=1))
    assert stored.name.startswith("vindr-")


def test_nothing_is_written_over_and_nothing_half_written_stays(tmp_path, monkeypatch) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UserError, match="is there already, expected a new or an empty folder"):
        write(tmp_path, SPEC)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chest_vindr, "_write_tables", fail)
    with pytest.raises(UserError, match="set: cannot be written \\(No space left on device\\)"):
        write(tmp_path / "set", replace(SPEC, images=1))
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"images": 0}, "images: found 0, expected a whole number of at least 1"),
        ({"seed": True}, "seed: found True, expected a whole number"),
        ({"side": 10}, "side: found 10, expected a whole number of at least 64"),
        ({"odds": -1}, "odds: found -1, expected a number above 0"),
        ({"signal": None}, "signal: found None, expected a number above 0"),
    ],
)
def test_a_bad_parameter_is_named(parameters, message: str) -> None:
    with pytest.raises(UserError, match=message):
        VindrSpec(**parameters)


def test_a_bad_index_or_number_of_jobs_is_named(tmp_path) -> None:
    with pytest.raises(ValueError, match="index: found 14, expected 0 to 13"):
        draw(SPEC, 14)
    with pytest.raises(UserError, match="jobs: found -1"):
        write(tmp_path / "set", SPEC, jobs=-1)


def test_command_line(tmp_path, capsys) -> None:
    arguments = [str(tmp_path / "set"), "--images", "2", "--side", "64"]
    assert main(arguments) == 0
    assert len(rows(tmp_path / "set" / "train_meta.csv")) == 2
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is there already" in error
