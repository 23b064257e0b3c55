"""The generated set: its files, what they depend on, and that the labels are those of what is painted."""

import csv
import json
from functools import partial

import numpy as np
import pytest
from PIL import Image

from data_gen import chest_chexpert
from data_gen.chest import ChestSpec
from data_gen.chest import describe as describe_nih
from data_gen.chest_chexpert import ChexpertSpec, describe, draw, main, patient_of, write
from data_gen.chexpert_labels import KINDS, LABELS, probabilities
from data_gen.store import ensure
from papers_lib.datasets.chexpert import load_chexpert
from papers_lib.errors import UserError

SPEC = ChexpertSpec(train=12, valid=10, seed=3, side=64)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("chexpert") / "set", SPEC)


def content(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def table(path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def drawn(spec=SPEC):
    return [draw(spec, split, index) for split in ("train", "valid") for index in range(getattr(spec, split))]


def test_the_reader_finds_what_was_drawn(root) -> None:
    data = load_chexpert(root, uncertain="ones")
    entries = [entry for _, entry in drawn()]
    assert data.names == tuple(entry.path for entry in entries)
    for row, entry in enumerate(entries):
        expected = [abs(value) == 1 for value in entry.written]
        assert data.labels[row].tolist() == expected
        assert [data.classes[k] for k in data.box_classes[row]] == [name for name, _ in entry.boxes]
        for read, (_, box) in zip(data.boxes[row], entry.boxes, strict=True):
            assert read == pytest.approx(box, abs=1e-5)
    assert set(data.split[:12]) == {"train"}
    assert set(data.split[12:]) == {"val", "test"}


def test_pictures_are_what_was_drawn(root) -> None:
    for image, entry in drawn()[::4]:
        with Image.open(root.joinpath(*entry.path.split("/")[1:])) as file:
            assert np.abs(np.asarray(file).astype(int) - image).mean() < 4


def test_valid_has_the_labels_as_drawn_and_truth_has_all(root) -> None:
    truth = {row["Path"]: row for row in table(root / "truth.csv")}
    assert len(truth) == 22
    for row in table(root / "valid.csv"):
        assert [row[name] for name in LABELS] == [truth[row["Path"]][name] for name in LABELS]
    written = {"1.0": "1.0", "0.0": "0.0", "": "0.0"}
    values = set()
    for row in table(root / "train.csv"):
        for name in LABELS:
            values.add(row[name])
            assert row[name] == "-1.0" or written[row[name]] == truth[row["Path"]][name]
    assert values == {"1.0", "0.0", "-1.0", ""}


def test_probabilities_are_those_of_what_is_painted() -> None:
    shown = 0
    for index in range(12):
        _, entry = draw(SPEC, "train", index)
        findings = describe(SPEC, "train", *patient_of(SPEC, "train", index))[1].radiograph.findings
        assert entry.probability == tuple(probabilities(findings))
        absent = [name for name, one in LABELS.items() if one.kind not in {one.kind for one in findings}]
        assert not {name for name, _ in entry.boxes} & set(absent)
        for name in absent:
            assert entry.probability[list(LABELS).index(name)] == LABELS[name].absent
        shown += len(entry.boxes)
    assert shown >= 5


def test_labels_do_not_depend_on_the_stored_side_or_the_signal() -> None:
    for other in (ChexpertSpec(12, 10, seed=3, side=160), ChexpertSpec(12, 10, seed=3, side=64, signal=0.3)):
        for index in (0, 5, 11):
            one, two = (draw(spec, "train", index)[1] for spec in (SPEC, other))
            assert (one.probability, one.truth) == (two.probability, two.truth)
            assert [name for name, _ in one.boxes] == [name for name, _ in two.boxes]


def test_consolidation_lies_in_one_lung_and_edema_in_both() -> None:
    spec = ChexpertSpec(60, 0, odds=20)
    sides: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for number in range(60):
        for one in describe(spec, "train", number, 0)[1].radiograph.findings:
            sides[one.kind].append(one.place.side)
    assert set(sides["Infiltration"]) == {0}
    assert set(sides["Pneumonia"]) == {-1, 1}
    assert 0.25 < np.mean(np.array(sides["Pneumonia"]) == 1) < 0.75


def test_odds_raise_what_shows_and_leave_the_probability() -> None:
    one = ChexpertSpec(400, 0)
    raised = ChexpertSpec(400, 0, odds=3)
    assert one.shown == pytest.approx([label.shown for label in LABELS.values()])
    assert raised.shown[4] == pytest.approx(3 * 0.48 / (0.52 + 3 * 0.48))
    for spec in (one, raised):
        found = np.zeros(5)
        for number in range(400):
            for finding in describe(spec, "train", number, 0)[1].radiograph.findings:
                found[KINDS.index(finding.kind)] += 1
        assert found / 400 == pytest.approx(np.array(spec.shown), abs=0.08)


def test_factors_on_uncertain_labels_and_boxes() -> None:
    none = [entry for _, entry in drawn(ChexpertSpec(8, 0, side=64, uncertain=0, boxed=0))]
    assert all(-1 not in entry.written and not entry.boxes for entry in none)
    many = [entry for _, entry in drawn(ChexpertSpec(8, 0, side=64, uncertain=1000))]
    assert np.mean([np.array(entry.written) == -1 for entry in many]) > 0.75
    assert [entry.truth for entry in none] == [entry.truth for entry in many]


def test_files_do_not_depend_on_processes_or_on_the_length_of_a_split(root, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(chest_chexpert, "CHUNK", 5)
    assert content(write(tmp_path / "two", SPEC, jobs=2)) == content(root)
    short = content(write(tmp_path / "short", ChexpertSpec(train=3, valid=2, seed=3, side=64)))
    pictures = [name for name in short if name.endswith(".jpg")]
    assert len(pictures) == 5
    assert all(short[name] == content(root)[name] for name in pictures)
    other, _ = draw(ChexpertSpec(12, 10, seed=4, side=64), "train", 0)
    assert (other != draw(SPEC, "train", 0)[0]).any()


def test_other_patients_than_in_the_other_generators_and_splits() -> None:
    chests = [describe(SPEC, split, 0, 0)[0].anatomy for split in ("train", "valid")]
    chests += [
        describe_nih(ChestSpec(5, 5, seed=3), split, 0, 0)[0].anatomy for split in ("train_val", "test")
    ]
    assert all(one != other for k, one in enumerate(chests) for other in chests[:k])


def test_the_same_chest_at_each_visit_of_a_patient() -> None:
    spec = ChexpertSpec(200, 0)
    places = [patient_of(spec, "train", index) for index in range(200)]
    number, last = max(places, key=lambda place: place[1])
    assert last >= 5
    first, then = (describe(spec, "train", number, visit)[0] for visit in (0, last))
    assert first.anatomy == then.anatomy
    assert first.places == then.places


def test_a_data_set_says_that_it_is_a_stand_in(root, tmp_path) -> None:
    description = json.loads((root / "dataset.json").read_text())
    assert description["kind"] == "stand-in"
    assert description["generator"] == "data_gen.chest_chexpert"
    assert ChexpertSpec(**description["parameters"]) == SPEC
    stored = ensure(tmp_path, "chexpert", ChexpertSpec(1, 1, side=64), partial(write, jobs=1))
    assert (stored / "valid" / "patient64541" / "study1" / "view1_frontal.jpg").is_file()


def test_nothing_is_written_over_and_nothing_half_written_stays(tmp_path, monkeypatch) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UserError, match="is there already, expected a new or an empty folder"):
        write(tmp_path, ChexpertSpec(1, 0))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chest_chexpert, "write_tables", fail)
    with pytest.raises(UserError, match="set: cannot be written \\(No space left on device\\)"):
        write(tmp_path / "set", ChexpertSpec(1, 0, side=64))
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"train": -1}, "train: found -1, expected a whole number of at least 0"),
        ({"train": 64541}, "train: found 64541, expected at most 64540"),
        ({"valid": True}, "valid: found True, expected a whole number"),
        ({"side": 32}, "side: found 32, expected a whole number of at least 64"),
        ({"odds": 0}, "odds: found 0, expected a number above 0"),
        ({"signal": "1"}, "signal: found '1', expected a number above 0"),
        ({"uncertain": -1}, "uncertain: found -1, expected a number from 0 to 1000"),
        ({"uncertain": float("nan")}, "uncertain: found nan, expected a number from 0"),
        ({"boxed": 1.5}, "boxed: found 1.5, expected a number from 0 to 1"),
        ({"train": 0, "valid": 0}, "both are 0, expected at least one picture"),
    ],
)
def test_a_bad_parameter_is_named(parameters, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ChexpertSpec(**parameters)


def test_a_bad_split_index_or_number_of_jobs_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match="split: found 'test', expected one of train, valid"):
        draw(SPEC, "test", 0)
    with pytest.raises(ValueError, match="index: found 12, expected 0 to 11"):
        draw(SPEC, "train", 12)
    with pytest.raises(UserError, match="jobs: found -1"):
        write(tmp_path / "set", SPEC, jobs=-1)


def test_command_line(tmp_path, capsys) -> None:
    arguments = [str(tmp_path / "set"), "--train", "1", "--valid", "1", "--side", "64", "--uncertain", "0"]
    assert main(arguments) == 0
    assert len(table(tmp_path / "set" / "train.csv")) == 1
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is there already" in error
