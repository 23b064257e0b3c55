"""The tables: CheXpert's columns and words, cell by cell."""

import csv

import numpy as np
from PIL import Image

from data_gen.chexpert_files import COLUMNS, Entry, path_of, save_picture, write_tables

NAN = float("nan")
PROBABILITY = (0.1, 0.2, 0.3, 0.4, 1 / 3)


def entry(path: str, written: tuple[float, ...], boxes=()) -> Entry:
    truth = (True, False, False, False, True)
    return Entry(
        path, path.endswith("study1/view1_frontal.jpg"), 61, "AP", PROBABILITY, truth, written, boxes
    )


def rows(path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_columns_are_those_of_the_release() -> None:
    assert ",".join(COLUMNS) == (
        "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,"
        "Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,"
        "Fracture,Support Devices"
    )


def test_tables_cell_by_cell(tmp_path) -> None:
    sick = entry(path_of("train", 1, 1), (1.0, NAN, 0.0, -1.0, NAN), (("Edema", (0.1, 0.2, 0.3, 1.0)),))
    doubtful = entry(path_of("train", 1, 2), (NAN, -1.0, NAN, NAN, NAN))
    healthy = entry(path_of("train", 2, 1), (NAN, 0.0, NAN, NAN, NAN))
    valid = [
        entry(path_of("valid", 64541, study), (first, 0.0, 0.0, 0.0, 0.0))
        for study, first in ((1, 1.0), (2, 0.0))
    ]
    write_tables(tmp_path, {"train": [sick, doubtful, healthy], "valid": valid})
    first, second, third = rows(tmp_path / "train.csv")
    assert {name: value for name, value in first.items() if value} == {
        "Path": "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg",
        "Sex": "Female",
        "Age": "61",
        "Frontal/Lateral": "Frontal",
        "AP/PA": "AP",
        "Atelectasis": "1.0",
        "Consolidation": "0.0",
        "Edema": "-1.0",
    }
    assert second["Sex"] == "Male"
    assert [one["No Finding"] for one in (first, second, third)] == ["", "", "1.0"]
    assert [one["No Finding"] for one in rows(tmp_path / "valid.csv")] == ["0.0", "1.0"]
    assert [list(one.values()) for one in rows(tmp_path / "boxes.csv")] == [
        [sick.path, "Edema", "0.100000", "0.200000", "0.300000", "1.000000"]
    ]
    truth = rows(tmp_path / "truth.csv")
    assert [one["Path"] for one in truth] == [one.path for one in (sick, doubtful, healthy, *valid)]
    assert float(truth[0]["P(Pleural Effusion)"]) == 1 / 3  # every digit
    assert [truth[0][name] for name in ("Atelectasis", "Edema")] == ["1.0", "0.0"]


def test_a_picture_lies_where_its_path_says(tmp_path) -> None:
    image = np.repeat(np.arange(64, dtype=np.uint8)[:, None] * 4, 64, axis=1)
    save_picture(tmp_path, path_of("valid", 70000, 3), image)
    with Image.open(tmp_path / "valid" / "patient70000" / "study3" / "view1_frontal.jpg") as file:
        assert (file.format, file.mode, file.size) == ("JPEG", "L", (64, 64))
        assert abs(np.asarray(file).astype(int) - image).max() <= 6
