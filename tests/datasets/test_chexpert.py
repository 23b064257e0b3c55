"""The release as a list: a tiny tree entry by entry, the parts, the mappings of uncertain labels, and the faults."""

from collections import Counter

import numpy as np
import pytest

from papers_lib.datasets.chexpert import CLASSES, find_root, list_chexpert, load_chexpert
from papers_lib.datasets.splits import shared_patients
from papers_lib.errors import UserError
from tests.datasets.chexpert_tree import HEADER, TRAIN, VALID, name, row, write_release

MANY = tuple(row(name("train", patient, study)) for patient in range(1, 41) for study in (1, 2, 3))


@pytest.fixture
def root(tmp_path):
    return write_release(tmp_path / "chexpert")


def test_a_small_release_entry_by_entry(root) -> None:
    found = load_chexpert(root)
    assert found.classes == CLASSES
    listed = [line.split(",")[0] for line in (*TRAIN[:3], *VALID)]
    assert list(found.names) == listed
    assert [str(path) for path in found.paths] == [str(root / one.split("/", 1)[1]) for one in listed]
    assert found.where[:4:3] == (f"{root / 'train.csv'} line 2", f"{root / 'valid.csv'} line 2")
    assert found.patients.tolist()[:4] == ["patient00001", "patient00002", "patient00002", "patient64541"]
    assert Counter(found.split.tolist()) == {"train": 3, "val": 2, "test": 4}
    assert found.labels[3:].tolist() == [[k % 2 == 1, False, False, False, True] for k in range(6)]
    assert all(len(box) == 0 for box in found.boxes)


@pytest.mark.parametrize(
    ("uncertain", "positive"),
    [
        ("report", ["Cardiomegaly", "Edema"]),
        ("common", ["Atelectasis", "Edema"]),
        ("zeros", []),
        ("ones", list(CLASSES)),
    ],
)
def test_uncertain_labels_and_blanks(root, uncertain, positive) -> None:
    found, raw = list_chexpert(root, uncertain=uncertain)
    assert [CLASSES[k] for k in np.flatnonzero(found.labels[1])] == positive
    assert raw[1].tolist() == [-1] * 5
    assert np.isnan(raw[0]).all()
    assert not found.labels[0].any()
    assert found.labels[2].tolist() == [False, False, False, True, False]


def test_views(root) -> None:
    lateral, every = (
        load_chexpert(root, views="all").part("train").names[3:],
        load_chexpert(root, views="all"),
    )
    assert lateral == (name("train", 2, study=2, view="lateral"),)
    assert len(every) == 10
    with pytest.raises(UserError, match=r"valid.csv: found no image for the part test"):
        load_chexpert(root, views="lateral")


def test_the_calibration_part_is_cut_by_patient_from_either_table(tmp_path) -> None:
    valid = tuple(one.replace("train/", "valid/").replace("patient0", "patient7") for one in MANY)
    root = write_release(tmp_path / "chexpert", MANY, valid)
    from_valid = load_chexpert(root)
    assert Counter(from_valid.split.tolist()) == {"train": 120, "val": 39, "test": 81}  # 13 of 40 patients
    from_train = load_chexpert(root, calibration="train", calibration_share=0.25)
    assert Counter(from_train.split.tolist()) == {"train": 90, "val": 30, "test": 120}
    for found in (from_valid, from_train):
        parts = [found.part(part).patients for part in ("train", "val", "test")]
        assert [shared_patients(parts[i], parts[j]) for i, j in ((0, 1), (0, 2), (1, 2))] == [0, 0, 0]
    assert (load_chexpert(root).split == from_valid.split).all()
    assert (load_chexpert(root, seed=1).split != from_valid.split).any()
    assert Counter(load_chexpert(root, calibration_share=0).split.tolist()) == {"train": 120, "test": 120}


def test_root_is_the_release_or_the_folder_that_holds_it(root, tmp_path) -> None:
    assert find_root(root) == find_root(tmp_path) == root
    assert load_chexpert(tmp_path).paths == load_chexpert(root).paths
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "train.csv").touch()
    with pytest.raises(
        UserError, match=r"found .*chexpert/train.csv, .*other/train.csv, expected the CheXpert"
    ):
        find_root(tmp_path)
    with pytest.raises(
        UserError, match=r"found no train.csv in it or in a folder in it, expected the CheXpert"
    ):
        find_root(root / "train")
    with pytest.raises(UserError, match=r"gone: no such folder, expected the CheXpert release"):
        load_chexpert(tmp_path / "gone")


def test_pictures_that_are_not_there(root) -> None:
    (root / "train" / "patient00002" / "study1" / "view1_frontal.jpg").unlink()
    message = (
        r"train.csv line 3: Path: found no file .*patient00002/study1/view1_frontal.jpg, expected it \(1 of 3"
    )
    with pytest.raises(UserError, match=message):
        load_chexpert(root)
    found, raw = list_chexpert(root, missing="skip")
    assert len(found) == len(raw) == 8
    assert found.names[1] == name("train", 2, study=2)
    assert raw[1, 3] == 1


def test_a_patient_in_both_tables(tmp_path) -> None:
    root = write_release(tmp_path / "chexpert", valid=(*VALID, row(name("valid", 2))))
    message = r"valid.csv line 8: Path: found patient00002, who is in .*train.csv line 3 too, expected other"
    with pytest.raises(UserError, match=message):
        load_chexpert(root)


def test_boxes(root) -> None:
    first, third = name("train", 1), name("train", 2, study=2)
    header = "Path,Label,x_min,y_min,x_max,y_max"
    lateral = name("train", 2, study=2, view="lateral")
    (root / "boxes.csv").write_text(
        f"{header}\n{third},Edema,0.25,0,0.5,1\n{first},Edema,0,0,.1,.1\n{lateral},Edema,0,0,1,1\n"
        f"{third},Atelectasis,0.5,0.5,0.75,0.75\n"
    )
    found = load_chexpert(root)
    assert [len(box) for box in found.boxes] == [1, 0, 2, *[0] * 6]
    assert found.boxes[2].tolist() == [[0.25, 0, 0.5, 1], [0.5, 0.5, 0.75, 0.75]]
    assert found.box_classes[2].tolist() == [3, 0]
    (root / "boxes.csv").write_text(f"{header}\n")
    assert not any(len(box) for box in load_chexpert(root).boxes)
    for line, message in {
        f"{name('train', 3)},Edema,0,0,1,1": "Path: found 'CheXpert-v1.0-small/train/patient00003",
        f"{first},Oedema,0,0,1,1": "Label: found 'Oedema', expected one of Atelectasis",
        f"{first},Edema,0,0,1,1.01": "found '0, 0, 1, 1.01', expected x_min < x_max",
        f"{first},Edema,0.5,0,0.5,1": "found '0.5, 0, 0.5, 1'",
        f"{first},Edema,0,nan,1,1": "found '0, nan, 1, 1'",
        f"{first},Edema,0,0,1,": "found '0, 0, 1, '",
    }.items():
        (root / "boxes.csv").write_text(f"{header}\n{third},Edema,0,0,1,1\n{line}\n")
        with pytest.raises(UserError, match=f"boxes.csv line 3: {message}"):
            load_chexpert(root)
    (root / "boxes.csv").write_text("Path,Label\n")
    with pytest.raises(UserError, match=r"boxes.csv line 1: found columns .* expected also x_min, y_min"):
        load_chexpert(root)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"uncertain": "ignore"}, "uncertain: found 'ignore', expected one of report, common, zeros, ones"),
        ({"views": "side"}, "views: found 'side', expected one of frontal, lateral, all"),
        ({"calibration": "test"}, "calibration: found 'test', expected one of valid, train"),
        ({"calibration_share": 1.0}, "calibration_share: found 1.0, expected at least 0 and below 1"),
        ({"calibration_share": "half"}, "calibration_share: found 'half'"),
        ({"missing": "warn"}, "missing: found 'warn', expected one of error, skip"),
    ],
)
def test_arguments(root, argument, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_chexpert(root, **argument)


def test_a_part_without_an_image(tmp_path) -> None:
    root = write_release(tmp_path / "one", valid=VALID[:1])
    with pytest.raises(
        UserError, match=r"valid.csv: found no image for the part val in .*one, expected some"
    ):
        load_chexpert(root)
    assert len(load_chexpert(root, calibration_share=0)) == 4
    (root / "valid.csv").write_text(f"{HEADER}\n")
    with pytest.raises(UserError, match=r"valid.csv: found a header and no rows"):
        load_chexpert(root)
