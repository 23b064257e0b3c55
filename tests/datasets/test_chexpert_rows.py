"""Rows that are cut off or too long are one line; what the loader reads whole passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.datasets.chexpert import list_chexpert
from papers_lib.datasets.chexpert_rows import check_rows
from papers_lib.errors import UserError
from tests.datasets.chexpert_tree import HEADER, TRAIN, VALID, write_release

WIDTH = 19
"""Of the release: Path, Sex, Age, Frontal/Lateral, AP/PA and 14 labels."""


def refusal(root) -> str:
    with pytest.raises(UserError) as caught:
        check_rows(root)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_whole_release_passes_from_its_folder_and_the_one_around_it(tmp_path) -> None:
    root = write_release(tmp_path / "release")
    check_rows(root)
    check_rows(str(tmp_path))


@pytest.mark.parametrize(("table", "lines"), [("train.csv", TRAIN), ("valid.csv", VALID)])
def test_an_incomplete_copy_which_the_loader_reads(tmp_path, table: str, lines: tuple[str, ...]) -> None:
    path = write_release(tmp_path / "release") / table
    whole = path.read_text()
    path.write_text(whole[: whole.rindex("1.0")])  # the last positive label of the last image is gone
    list_chexpert(path.parent)
    found = path.read_text().splitlines()[-1].count(",") + 1
    expected = f"{path} line {len(lines) + 1}: found {found} values, expected {WIDTH} as in the header"
    assert refusal(tmp_path) == expected


@given(st.data())
def test_every_cut_inside_a_row_that_loses_a_value_is_found(tmp_path_factory, data) -> None:
    root = tmp_path_factory.mktemp("cut")
    text = "\n".join([HEADER, *TRAIN])
    start, last_comma = len(HEADER) + 1, text.rindex(",")
    cut = data.draw(st.integers(start, last_comma))
    (root / "train.csv").write_text(text[:cut])
    commas = text[:cut].split("\n")[-1].count(",")
    if commas == WIDTH - 1 or text[cut - 1] == "\n":  # only a part of the last value is gone, or whole rows
        check_rows(root)
    else:
        assert f"found {commas + 1} values, expected {WIDTH}" in refusal(root)


def test_the_first_wrong_row_is_named_and_train_before_valid(tmp_path) -> None:
    root = write_release(tmp_path / "release", train=(TRAIN[0], TRAIN[1] + ",1.0", TRAIN[2][:-1]))
    (root / "valid.csv").write_text(f"{HEADER}\n{VALID[0][:-1]}")
    assert refusal(root) == f"{root / 'train.csv'} line 3: found 20 values, expected 19 as in the header"


@pytest.mark.parametrize(
    "text",
    [
        "Path,Edema\na,1.0\nb,\n",
        "\ufeffPath,Edema\r\na,1.0\r\n\r\nb,1.0\r\n",
        "\n \nPath,Edema\n\n , , \na,1.0\n,\n   \n\n",
        'Path,Edema\n"a, with\na comma",1.0',
        "Path,Edema",
        "",
    ],
    ids=["blank", "windows", "empty lines", "quoted", "header alone", "nothing"],
)
def test_tables_of_even_width_pass(tmp_path, text: str) -> None:
    (tmp_path / "train.csv").write_bytes(text.encode())
    check_rows(tmp_path)  # without valid.csv, which the loader asks for


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'Path,Edema\n"a\nb",1.0\nc', " line 4: found 1 values, expected 2 as in the header"),
        (b"Path,Edema\n\na", " line 3: found 1 values, expected 2 as in the header"),
        (b'Path,Edema\na,"1', " line 2: not comma-separated values (unexpected end of data)"),
        (b"Path,Edema\na,\xff", " line 2: not UTF-8 (byte 13), expected a table of CheXpert"),
    ],
    ids=["lines of a quoted value", "empty lines", "quote left open", "encoding"],
)
def test_lines_are_those_of_the_file(tmp_path, content: bytes, message: str) -> None:
    (tmp_path / "train.csv").write_bytes(content)
    assert refusal(tmp_path) == f"{tmp_path / 'train.csv'}{message}"


def test_no_release(tmp_path) -> None:
    assert "expected the CheXpert release" in refusal(tmp_path)
