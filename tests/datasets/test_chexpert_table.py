"""The tables of the release: its quirks are read, faults are one line each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.datasets.chexpert_table import CLASSES, COLUMNS, read_columns, read_table
from papers_lib.errors import UserError
from tests.datasets.chexpert_tree import HEADER, TRAIN, name, row


def table(tmp_path, *lines: str, header: str = HEADER):
    path = tmp_path / "train.csv"
    path.write_bytes("\n".join([header, *lines]).encode())
    return read_table(path)


def test_a_small_table_cell_by_cell(tmp_path) -> None:
    found = table(tmp_path, *TRAIN)
    assert len(found) == 4
    assert found.names[2] == "CheXpert-v1.0-small/train/patient00002/study2/view1_frontal.jpg"
    assert found.files[2] == "train/patient00002/study2/view1_frontal.jpg"
    assert found.patients.tolist() == ["patient00001", *["patient00002"] * 3]
    nan = np.nan
    assert np.array_equal(
        found.labels, [[nan] * 5, [-1] * 5, [nan, nan, nan, 1, 0], [nan, nan, nan, 1, 0]], equal_nan=True
    )
    assert found.frontal.tolist() == [True, True, True, False]
    assert found.sex.tolist() == ["Female", "Female", "Male", "Female"]
    assert found.age.tolist() == [68, 68, 87, 68]
    assert found.view.tolist() == ["AP", "AP", "PA", ""]
    assert found.where(2) == f"{tmp_path / 'train.csv'} line 4"


@pytest.mark.parametrize("release", ["CheXpert-v1.0", "CheXpert-v1.0-small", "data/other", "train", ""])
def test_whatever_the_release_is_called(tmp_path, release: str) -> None:
    path = name("train", 7, release=release).lstrip("/")
    found = table(tmp_path, row(path))
    assert found.names == (path,)
    assert found.files == ("train/patient00007/study1/view1_frontal.jpg",)


def test_columns_are_found_by_name_and_quirks_are_read(tmp_path) -> None:
    header = ",".join(reversed(COLUMNS))
    values = dict.fromkeys(COLUMNS, "") | {"Path": name("valid", 9), "Frontal/Lateral": "Frontal"}
    values |= {"Edema": "-1", "Atelectasis": " 1 ", "Sex": "Unknown", "Age": ""}
    found = table(
        tmp_path, ",".join(values[one] for one in reversed(COLUMNS)) + "\r", header="\ufeff" + header
    )
    assert found.labels[0, [0, 3]].tolist() == [1, -1]
    assert np.isnan(found.age[0])
    assert found.sex[0] == "Unknown"
    assert CLASSES == ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            row("train/patient1.jpg"),
            "line 2: Path: found 'train/patient1.jpg', expected …/train/patient00001",
        ),
        (row(name("test", 1)), "line 2: Path: found 'CheXpert-v1.0-small/test"),
        (row(name("train", 1, view="oblique")), "line 2: Path: found"),
        (row(""), "line 2: Path: found ''"),
        (row(f"../{name('train', 1)}/../../x.jpg"), "line 2: Path: found"),
        (row(name("train", 1), Edema="2.0"), "line 2: Edema: found '2.0', expected 1, 0, -1 or blank"),
        (row(name("train", 1), Edema="nan"), "line 2: Edema: found 'nan'"),
        (row(name("train", 1), Pleural_Effusion="yes"), "line 2: Pleural Effusion: found 'yes'"),
        (row(name("train", 1), age="old"), "line 2: Age: found 'old', expected a number of years"),
        (row(name("train", 1), age="-3"), "line 2: Age: found '-3'"),
        (
            row(name("train", 1)).replace(",Frontal,", ",Top,"),
            "Frontal/Lateral: found 'Top', expected Frontal",
        ),
        (row(name("train", 1)) + ",,5", "line 2: found 21 values, expected 19 as in the header"),
        (row(name("train", 1)) + "\n" + row(name("train", 1)), "line 3: Path: found 'CheXpert"),
        ("", "found a header and no rows, expected at least one"),
    ],
)
def test_a_bad_row_is_one_line(tmp_path, line: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        table(tmp_path, line)
    assert message in str(caught.value)
    assert str(tmp_path / "train.csv") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_header_is_one_line(tmp_path) -> None:
    with pytest.raises(UserError, match=r"train.csv line 1: found columns .*, expected also Edema$"):
        table(tmp_path, *TRAIN, header=HEADER.replace("Edema", "Oedema"))
    with pytest.raises(UserError, match=r"line 1: found column 'Edema' twice, expected it once"):
        table(tmp_path, *TRAIN, header=HEADER.replace("Pneumonia", "Edema"))
    with pytest.raises(UserError, match=r"line 1: found columns nothing"):
        table(tmp_path, header="")
    with pytest.raises(UserError, match=r"none.csv: no such file, expected a table with Path, Sex"):
        read_table(tmp_path / "none.csv")


def test_a_table_may_be_allowed_to_have_no_row(tmp_path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("Path,Label\n")
    assert read_columns(path, ("Label", "Path"), least=0) == ([], {"Label": [], "Path": []})


@given(cells=st.lists(st.sampled_from(["", "1.0", "0.0", "-1.0"]), min_size=5, max_size=5))
@settings(max_examples=40, deadline=None)
def test_labels_come_back(tmp_path_factory, cells) -> None:
    labels = {label.replace(" ", "_"): cell for label, cell in zip(CLASSES, cells, strict=True)}
    found = table(tmp_path_factory.mktemp("table"), row(name("train", 1), **labels)).labels[0]
    assert ["" if np.isnan(value) else f"{value:.1f}" for value in found] == cells
