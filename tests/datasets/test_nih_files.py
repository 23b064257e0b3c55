"""The table, the lists and the folders of the release: its own quirks are read, faults are one line each."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.datasets.nih_files import CLASSES, csv_lines, find_pictures, find_table, read_list, read_table
from papers_lib.errors import UserError
from tests.datasets.nih_tree import RELEASE_2017

FOUR = "Image Index,Finding Labels,Follow-up #,Patient ID"


def table(tmp_path, content):
    path = tmp_path / "Data_Entry_2017.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (RELEASE_2017, "a.png,Hernia|Mass,0,00000032,058Y,M,PA,2682,2749,.143,.143,"),
        (RELEASE_2017, "a.png,Hernia|Mass,0,32,58,M,PA,2682,2749,0.143,0.143"),  # without the last comma
        (RELEASE_2017.rstrip(","), "a.png,Hernia|Mass,0,32,58,M,PA,2682,2749,0.143,0.143"),  # as in v2020
        (RELEASE_2017.replace("Gender", "Sex"), "a.png,Hernia|Mass,0,32,58,M,PA,2682,2749,,,"),
        (FOUR, "a.png,Hernia|Mass,37,32"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_headers_of_every_version(tmp_path, header, row, end):
    found = table(tmp_path, f"\ufeff{header}{end}{row}{end}{end},,,{end}b.png, No Finding ,0,7{end}")
    first, second = found["a.png"], found["b.png"]
    assert (first.findings, first.patient) == ((CLASSES.index("Hernia"), CLASSES.index("Mass")), "32")
    assert (second.findings, second.patient) == ((), "7")
    assert (first.where, second.where) == tuple(
        f"{tmp_path / 'Data_Entry_2017.csv'} line {n}" for n in (2, 5)
    )


def test_columns_are_found_by_name(tmp_path):
    found = table(tmp_path, "Patient ID,Finding Labels,Image Index\n32, Hernia | Mass ,a.png\n")
    assert (found["a.png"].patient, len(found["a.png"].findings)) == ("32", 2)


def test_classes_are_the_fourteen_of_the_publications():
    assert len(set(CLASSES)) == 14
    assert CLASSES[:8] == (
        *("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration"),
        *("Mass", "Nodule", "Pneumonia", "Pneumothorax"),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: found columns nothing, expected also Image Index, Finding Labels, Patient ID"),
        (
            "Image Index,Finding Labels\na,Mass\n",
            "line 1: found columns 'Image Index, Finding Labels', expected also Pat",
        ),
        (f"{FOUR},Patient ID\na,Mass,0,1,1\n", "line 1: found column 'Patient ID' twice"),
        (f"{FOUR}\n", "found a header and no rows"),
        (f"{FOUR}\na,Mass,0,1,9\n", "line 2: found 5 values, expected 4"),
        (f"{FOUR}\na\n", "line 2: Patient ID: found '', expected a whole number"),
        (f"{FOUR}\n,Mass,0,1\n", "line 2: Image Index: found ''"),
        (f"{FOUR}\na,Mass,0,1\nb,Mass,0,1\na,Mass,0,1\n", "line 4: found image 'a' again (first "),
        (f"{FOUR}\na,Mass,0,M1\n", "line 2: Patient ID: found 'M1', expected a whole number"),
        (f"{FOUR}\na,Mass,0,1.0\n", "Patient ID: found '1.0'"),
        (f"{FOUR}\na,Mass,0,-1\n", "Patient ID: found '-1'"),
        (f"{FOUR}\na,Mass,0,²\n", "Patient ID: found '²'"),
        (f"{FOUR}\na,Mass,0,{'9' * 5000}\n", "Patient ID: found '999"),
        (f"{FOUR}\na,Tumour,0,1\n", "line 2: Finding Labels: found 'Tumour', expected Atelectasis, "),
        (f"{FOUR}\na,,0,1\n", "Finding Labels: found ''"),
        (f"{FOUR}\na,Mass|No Finding,0,1\n", "found 'No Finding', expected Atelectasis"),
        (f"{FOUR}\na,Infiltrate,0,1\n", "found 'Infiltrate'"),  # the name in the box file only
        (f'{FOUR}\na,"Mass,0,1\n', "not comma-separated values"),
        (f"{FOUR}\na,M\xe9,0,1\n".encode("latin-1"), "line 2: not UTF-8 (byte"),
    ],
)
def test_a_bad_table_is_one_line(tmp_path, content, message):
    with pytest.raises(UserError) as caught:
        table(tmp_path, content)
    line = str(caught.value)
    assert message in line
    assert "Data_Entry_2017.csv" in line
    assert "\n" not in line
    assert len(line) < 500


@given(content=st.one_of(st.binary(max_size=60), st.text('a,|"\n\r 0Mas', max_size=60).map(str.encode)))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_rows_or_one_line(tmp_path_factory, content):
    rows, message = {}, ""
    try:
        rows = table(tmp_path_factory.mktemp("nih"), FOUR.encode() + b"\n" + content)
    except UserError as error:
        message = str(error)
    assert "\n" not in message
    assert bool(rows) != bool(message)


def test_one_table_is_looked_for(tmp_path):
    with pytest.raises(UserError, match=r"gone: no such folder, expected the NIH ChestX-ray14 release"):
        find_table(tmp_path / "gone")
    with pytest.raises(UserError, match=r"found none, expected one table Data_Entry_2017\*\.csv"):
        find_table(tmp_path)
    (tmp_path / "Data_Entry_2017_v2020.csv").touch()
    assert find_table(tmp_path).name == "Data_Entry_2017_v2020.csv"
    (tmp_path / "Data_Entry_2017.csv").touch()
    with pytest.raises(
        UserError, match=r"found Data_Entry_2017\.csv, Data_Entry_2017_v2020\.csv, expected one"
    ):
        find_table(tmp_path)


def test_lists(tmp_path):
    path = tmp_path / "test_list.txt"
    path.write_bytes(b"\xef\xbb\xbfa.png\r\n\r\n b.png \r\n")
    assert read_list(path) == {"a.png": f"{path} line 1", "b.png": f"{path} line 3"}
    for content, message in {
        b"": "found no name, expected one image name a line",
        b"\n \n": "found no name",
        b"a\nb\na\n": r"line 3: found 'a' again \(first .* line 1\)",
        b"a\n\xe9\n": r"line 2: not UTF-8 \(byte 2\)",
    }.items():
        path.write_bytes(content)
        with pytest.raises(UserError, match=rf"test_list\.txt.*{message}"):
            read_list(path)
    with pytest.raises(UserError, match=r"none\.txt: no such file, expected one image name a line"):
        read_list(tmp_path / "none.txt")
    with pytest.raises(UserError, match="cannot be read"):
        read_list(tmp_path)


def test_pictures_in_one_folder_or_in_twelve(tmp_path):
    with pytest.raises(UserError, match=r"found no folder images or images_001/images"):
        find_pictures(tmp_path)
    for folder, names in {"images_001/images": "ab", "images_012/images": "bc", "images_002": "d"}.items():
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / folder / f"{name}.png").touch()
    found = {name: str(path.parent.relative_to(tmp_path)) for name, path in find_pictures(tmp_path).items()}
    twelve = {"a.png": "images_001/images", "b.png": "images_001/images", "c.png": "images_012/images"}
    assert found == twelve | {"d.png": "images_002"}  # folders themselves are no pictures
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "b.png").touch()
    assert find_pictures(tmp_path)["b.png"] == tmp_path / "images" / "b.png"


def test_lines_are_those_of_the_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a, b ,,\n\n"c\nd",e\n')
    assert list(csv_lines(path, "x")) == [(1, ["a", "b"]), (4, ["c\nd", "e"])]
