import csv
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_gen import chest
from data_gen.chest import ChestSpec, describe, draw, main, patient_of, write
from data_gen.chest_findings import NIH
from data_gen.store import ensure
from papers_lib.datasets.nih_cxr14 import load_nih
from papers_lib.errors import UserError

SPEC = ChestSpec(train_val=10, test=14, seed=3, side=64)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("chest") / "set", SPEC)


def content(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def names(root, part: str) -> list[str]:
    return (root / f"{part}_list.txt").read_text().split()


def test_headers_are_those_of_the_release(root) -> None:
    assert (root / "Data_Entry_2017.csv").read_text().splitlines()[0] == (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
    )
    boxes = (root / "BBox_List_2017.csv").read_text().splitlines()
    assert boxes[0] == "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    for path in (root / "Data_Entry_2017.csv", root / "BBox_List_2017.csv"):
        assert len({len(row) for row in rows(path)}) == 1


def test_the_reader_of_nih_finds_what_was_drawn(root) -> None:
    data = load_nih(root)
    drawn = {
        entry.name: entry
        for part, count in (("train_val", 10), ("test", 14))
        for _, entry in (draw(SPEC, part, index) for index in range(count))
    }
    assert sorted(data.names) == sorted(drawn)
    for row, name in enumerate(data.names):
        entry = drawn[name]
        assert {data.classes[k] for k in np.flatnonzero(data.labels[row])} == set(entry.labels)
        assert [data.classes[k] for k in data.box_classes[row]] == [kind for kind, _ in entry.boxes]
        for (_, box), read in zip(entry.boxes, data.boxes[row], strict=True):
            assert read * 1024 == pytest.approx(box, abs=0.01)
        assert int(data.patients[row]) == entry.patient
        assert (data.split[row] == "test") == (name in names(root, "test"))


def test_the_table_lists_every_picture_once_and_parts_share_no_patient(root) -> None:
    entries = rows(root / "Data_Entry_2017.csv")[1:]
    assert [row[0] for row in entries] == names(root, "train_val") + names(root, "test")
    assert {row[0] for row in entries} == {path.name for path in (root / "images").iterdir()}
    assert len({row[0] for row in entries}) == 24
    for row in entries:
        assert row[0] == f"{int(row[3]):08d}_{int(row[2]):03d}.png"
        assert row[1] == "No Finding" or set(row[1].split("|")) <= set(NIH)
        assert row[5] in {"M", "F"}
        assert row[6] in {"PA", "AP"}
        assert 0 < int(row[4]) < 100
    parts = [{name[:8] for name in names(root, part)} for part in ("train_val", "test")]
    assert not parts[0] & parts[1]


def test_boxes_are_those_of_the_test_list_in_pixels_of_1024(root) -> None:
    labels = {row[0]: row[1].split("|") for row in rows(root / "Data_Entry_2017.csv")[1:]}
    boxed: dict[str, list[str]] = {}
    for row in rows(root / "BBox_List_2017.csv")[1:]:
        boxed.setdefault(row[0], []).append(row[1].replace("Infiltrate", "Infiltration"))
        x, y, width, height = map(float, row[2:6])
        assert min(width, height) > 0
        assert min(x, y) >= 0
        assert max(x + width, y + height) <= 1024
    assert any(row[1] == "Infiltrate" for row in rows(root / "BBox_List_2017.csv"))
    found = {name: kinds for name, kinds in labels.items() if kinds != ["No Finding"]}
    assert boxed == {name: found[name] for name in names(root, "test") if name in found}


def test_boxes_do_not_depend_on_the_stored_side() -> None:
    small, large = (
        draw(ChestSpec(0, 20, seed=1, side=side), "test", index)[1].boxes
        for index in range(3, 4)
        for side in (128, 512)
    )
    assert [kind for kind, _ in small] == [kind for kind, _ in large]
    assert small
    for (_, one), (_, other) in zip(small, large, strict=True):
        assert one == pytest.approx(other, abs=2.5 * 1024 / 128)


@pytest.mark.parametrize(("boxed", "least", "most"), [(0.0, 0, 0), (0.5, 0.25, 0.75), (1.0, 1, 1)])
def test_the_share_of_boxed_pictures(boxed: float, least: float, most: float) -> None:
    spec = ChestSpec(0, 60, side=64, boxed=boxed)
    entries = [draw(spec, "test", index)[1] for index in range(60)]
    found = [entry for entry in entries if entry.labels]
    share = sum(bool(entry.boxes) for entry in found) / len(found)
    assert least <= share <= most
    assert all(len(entry.boxes) in (0, len(entry.labels)) for entry in entries)


def test_pictures_are_what_was_drawn(root) -> None:
    for part in ("train_val", "test"):
        for index, name in enumerate(names(root, part)):
            image, entry = draw(SPEC, part, index)
            assert entry.name == name
            with Image.open(root / "images" / name) as file:
                assert file.mode == "L"
                assert (np.asarray(file) == image).all()
            assert image.shape == (64, 64)


def test_files_do_not_depend_on_processes_or_on_the_length_of_a_split(root, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(chest, "CHUNK", 3)
    assert content(write(tmp_path / "two", SPEC, jobs=2)) == content(root)
    short = write(tmp_path / "short", ChestSpec(train_val=3, test=5, seed=3, side=64))
    assert names(short, "test") == names(root, "test")[:5]
    whole, shorter = content(root), content(short)
    pictures = [name for name in shorter if name.endswith(".png")]
    assert len(pictures) == 8
    assert all(shorter[name] == whole[name] for name in pictures)
    for part, entries in (("train_val", 3), ("test", 5)):
        for index in range(entries):
            other, _ = draw(ChestSpec(3, 5, seed=4, side=64), part, index)
            assert (other != draw(SPEC, part, index)[0]).any()


def test_the_same_chest_at_each_visit_of_a_patient() -> None:
    spec = ChestSpec(200, 0)
    places = [patient_of(spec, "train_val", index) for index in range(200)]
    number, last = max(places, key=lambda place: place[1])
    assert last >= 5
    assert places.count((number, last)) == 1
    assert [visit for patient, visit in places if patient == number] == list(range(last + 1))
    first, then = (describe(spec, "train_val", number, visit) for visit in (0, last))
    assert first[0].anatomy == then[0].anatomy == then[1].radiograph.anatomy
    assert first[1].radiograph.pose != then[1].radiograph.pose
    assert then[1].age >= first[1].age


def test_a_data_set_says_that_it_is_a_stand_in(root, tmp_path) -> None:
    description = json.loads((root / "dataset.json").read_text())
    assert description["kind"] == "stand-in"
    assert description["generator"] == "data_gen.chest"
    assert ChestSpec(**description["parameters"]) == SPEC
    stored = ensure(tmp_path, "chest", ChestSpec(1, 1, side=64), partial(write, jobs=1))
    assert stored.name.startswith("chest-")
    assert len(names(stored, "test")) == 1


def test_nothing_is_written_over(tmp_path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UserError, match="is there already, expected a new or an empty folder"):
        write(tmp_path, ChestSpec(1, 0))
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_nothing_half_written_stays(tmp_path, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chest, "write_tables", fail)
    with pytest.raises(UserError, match="set: cannot be written \\(No space left on device\\)"):
        write(tmp_path / "set", ChestSpec(1, 0, side=64))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"train_val": -1}, "train_val: found -1, expected a whole number of at least 0"),
        ({"test": True}, "test: found True, expected a whole number"),
        ({"seed": 0.5}, "seed: found 0.5, expected a whole number"),
        ({"side": 32}, "side: found 32, expected a whole number of at least 64"),
        ({"odds": 0}, "odds: found 0, expected a number above 0"),
        ({"odds": float("nan")}, "odds: found nan, expected a number above 0"),
        ({"signal": "1"}, "signal: found '1', expected a number above 0"),
        ({"boxed": 1.5}, "boxed: found 1.5, expected a share from 0 to 1"),
        ({"train_val": 0, "test": 0}, "both are 0, expected at least one picture"),
    ],
)
def test_a_bad_parameter_is_named(parameters, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ChestSpec(**parameters)


def test_a_bad_split_index_or_number_of_jobs_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match="split: found 'train', expected one of train_val, test"):
        draw(SPEC, "train", 0)
    with pytest.raises(ValueError, match="index: found 10, expected 0 to 9"):
        draw(SPEC, "train_val", 10)
    with pytest.raises(UserError, match="jobs: found -1"):
        write(tmp_path / "set", SPEC, jobs=-1)


def test_command_line(tmp_path, capsys) -> None:
    arguments = [str(tmp_path / "set"), "--train_val", "1", "--test", "0", "--side", "64", "--odds", "2"]
    assert main(arguments) == 0
    assert len(names(tmp_path / "set", "train_val")) == 1
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is there already" in error


def test_command_line_with_two_processes(tmp_path) -> None:
    """As a module run by itself, whose functions the workers cannot import by its name."""
    parameters = ["--train_val", "65", "--test", "0", "--side", "64", "--jobs", "2"]
    command = [sys.executable, "-m", "data_gen.chest", str(tmp_path / "set"), *parameters]
    done = subprocess.run(command, cwd=Path(chest.__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(names(tmp_path / "set", "train_val")) == 65
