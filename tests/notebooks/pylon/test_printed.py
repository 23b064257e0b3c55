"""The printed numbers of the PYLON paper: columns typed by hand, and every slip in the files a one-line error."""

import re
import shutil
from pathlib import Path

import pytest

from papers_lib.errors import UserError
from pylon.printed import AREA, MACRO, WEIGHTED, printed_table, read_numbers

CLAIMS = Path(__file__).resolve().parents[3] / "notebooks/pylon/printed"
NUMBERS = read_numbers(CLAIMS)

# Typed from the paper, column by column; averages first.
BY_HAND = {
    (1, AREA): [0.08, 0.07, 0.03, 0.18, 0.07, 0.10, 0.04, 0.01, 0.09, 0.05],
    (1, "PYLON"): [0.61, 0.60, 0.50, 0.99, 0.54, 0.71, 0.67, 0.48, 0.71, 0.20],
    (1, "DeeplabV3+"): [0.45, 0.43, 0.26, 0.81, 0.49, 0.57, 0.50, 0.07, 0.53, 0.22],
    (2, "Li et al. (2018b)"): [0.54, 0.52, 0.37, 0.95, 0.48, 0.65, 0.52, 0.32, 0.56, 0.31],
    (2, "PYLON"): [0.65, 0.63, 0.55, 0.97, 0.61, 0.71, 0.74, 0.54, 0.77, 0.19],
    (3, "FPN"): [
        *[0.35, 0.36, 0.33, 0.39, 0.13, 0.70, 0.60, 0.62],
        *[0.56, 0.42, 0.20, 0.13, 0.35, 0.03, 0.29, 0.29],
    ],
    (3, "PYLON"): [
        *[0.37, 0.42, 0.19, 0.45, 0.24, 0.68, 0.77, 0.72],
        *[0.71, 0.55, 0.32, 0.15, 0.39, 0.03, 0.25, 0.47],
    ],
    (3, "PYLON two-phase"): [
        *[0.58, 0.56, 0.77, 0.71, 0.40, 0.79, 0.82, 0.78],
        *[0.74, 0.64, 0.44, 0.24, 0.50, 0.14, 0.31, 0.61],
    ],
    (4, "FPN"): [
        *[0.81, 0.80, 0.88, 0.85, 0.83, 0.57, 0.47, 0.91, 0.70, 0.95, 0.62],
        *[0.88, 0.84, 0.92, 0.92, 0.87, 0.86, 0.66, 0.85, 0.87, 0.77, 0.72],
    ],
    (4, "PYLON"): [
        *[0.78, 0.77, 0.84, 0.87, 0.75, 0.51, 0.45, 0.90, 0.67, 0.92, 0.58],
        *[0.85, 0.83, 0.92, 0.89, 0.85, 0.86, 0.63, 0.80, 0.82, 0.82, 0.62],
    ],
}


@pytest.mark.parametrize(("number", "column"), BY_HAND)
def test_columns_by_hand(number, column):
    assert printed_table(NUMBERS, number)[column].tolist() == BY_HAND[number, column]


def test_every_table_is_complete():
    tables = [printed_table(NUMBERS, n) for n in (1, 2, 3, 4)]
    assert [table.shape for table in tables] == [(10, 11), (10, 8), (16, 11), (22, 9)]
    for table in tables:
        assert list(table.index[:2]) == [WEIGHTED, MACRO]
        assert table.columns[0] == AREA
        assert table.index.is_unique
        assert table.columns.is_unique
        assert table.notna().all(axis=None)
    assert list(tables[0].index) == list(tables[1].index)


def test_a_table_is_a_copy():
    table = printed_table(NUMBERS, 1)
    table.loc["Nodule", "PYLON"] = 0.0
    assert printed_table(NUMBERS, 1).loc["Nodule", "PYLON"] == 0.48


@pytest.mark.parametrize("number", [0, 5, "S3"])
def test_no_other_table(number):
    with pytest.raises(ValueError, match=r"number: found .*, expected one of \(1, 2, 3, 4\)"):
        printed_table(NUMBERS, number)


def test_no_number_of_the_text_is_lost_to_a_key_given_twice():
    text = (CLAIMS / "printed" / "pylon.yaml").read_text()
    assert len(re.findall(r"^  \w+: \{value: ", text, flags=re.MULTILINE)) == len(NUMBERS.text)


def test_numbers_of_the_text():
    assert [NUMBERS.stated(f"ups_{n}").value for n in range(4)] == [0.37, 0.57, 0.61, 0.62]
    said = NUMBERS.stated("masked_nih_discussion")
    assert (said.value, said.of, said.where) == (12, 14, "Discussion (Tables S3, S4)")
    assert all(said.where for said in NUMBERS.text.values())


def test_numbers_of_the_authors_and_the_release():
    release, split = NUMBERS.authors["release"], NUMBERS.authors["split"]
    assert sum(release["boxes"].values()) == 984
    assert split["train"] + split["val"] + split["test"] == release["images"] == 112120
    assert NUMBERS.authors["single_seed"] == {"weighted": 0.608, "macro": 0.593, "nodule": 0.405}


@pytest.fixture
def claims(tmp_path):
    for folder in ("printed", "authors"):
        shutil.copytree(CLAIMS / folder, tmp_path / folder)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "error"),
    [
        (
            "printed/pylon_table1.csv",
            "Mass,0.04,0.42",
            "Mass,0.04,1.42",
            r"line 8: Baseline: found '1.42', exp",
        ),
        ("printed/pylon_table1.csv", "Mass,0.04,0.42", "Mass,0.04,0.425", r"line 8: Baseline: found '0.425'"),
        ("printed/pylon_table1.csv", "Mass,0.04,0.42", "Mass,0.04,", r"line 8: Baseline: found ''"),
        (
            "printed/pylon_table1.csv",
            "Mass,0.04,0.42,",
            "Mass,0.04,",
            r"line 8: found 11 values, expected 12",
        ),
        ("printed/pylon_table2.csv", "Nodule", "Mass", r"table2.csv: found 7 different classes in 8 rows"),
        ("printed/pylon_table3.csv", "FPN,PYLON,", "PYLON,FPN,", r"table3.csv: found columns .*PYLON,"),
        ("printed/pylon_table4.csv", "Macro avg.", "Mean", r"found rows Weighted. avg., Mean first"),
        ("printed/pylon.yaml", "pylon_table4.csv", "table9.csv", r"table9.csv: no such file"),
        ("printed/pylon.yaml", "classes: 14", "classes: 15", r"found 14 different classes .*, expected 15"),
        (
            "printed/pylon.yaml",
            "classes: 14",
            "classes: many",
            r"table 3: classes: found 'many', expected int",
        ),
        ("printed/pylon.yaml", "  4: {file", "  5: {file", r"tables: found no 4, expected 1, 2, 3, 4"),
        (
            "printed/pylon.yaml",
            "{value: 5717, where",
            "{value: 5717, place",
            r"voc_train_images: found no 'where'",
        ),
        ("printed/pylon.yaml", "{value: 5717, ", "{value: many, ", r"value: found 'many', expected a number"),
        ("printed/pylon.yaml", "of: 14, ", "of: 1.5, ", r"of: found 1.5, expected a whole number"),
        (
            "printed/pylon.yaml",
            "{value: 5717, ",
            "{value: 5717, page: 3, ",
            r"found 'page', expected value, where",
        ),
        ("printed/pylon.yaml", "tables:", "tables: [", r"pylon.yaml, line \d+: "),
        ("authors/pylon.yaml", "macro: 0.593", "makro: 0.593", r"single_seed: found no 'macro'"),
        ("authors/pylon.yaml", "Mass: 85", "Mass: none", r"boxes: Mass: found 'none', expected a number"),
        ("authors/pylon.yaml", "Mass: 0.042, ", "", r"areas: found no 'Mass'"),
    ],
)
def test_a_slip_is_one_line(claims, file, old, new, error):
    path = claims / file
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))
    with pytest.raises(UserError, match=error) as caught:
        read_numbers(claims)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(claims):
    (claims / "authors" / "pylon.yaml").unlink()
    with pytest.raises(UserError, match=r"authors/pylon\.yaml: cannot be read \(No such file"):
        read_numbers(claims)


def test_a_number_that_the_text_lacks_is_named():
    with pytest.raises(UserError, match=r"text: found no 'ups_4', expected an entry of that name"):
        NUMBERS.stated("ups_4")
