"""The printed numbers of the Sibnet report: rows typed by hand, and every slip in the files a one-line error."""

import re
import shutil
from pathlib import Path

import pytest

from papers_lib.errors import UserError
from sibnet_calibration.printed import (
    AFTER,
    BEFORE,
    LABELS,
    MEAN,
    printed_table,
    read_numbers,
)

CLAIMS = Path(__file__).resolve().parents[3] / "notebooks/sibnet_calibration/printed"
NUMBERS = read_numbers(CLAIMS)

# Typed from the report, column by column where the files go row by row.
BY_HAND = {
    ("4.1", "Atelectasis"): [0.769, 0.722, 0.752],
    ("4.1", "Cardiomegaly"): [0.764, 0.807, 0.810],
    ("4.1", "Consolidation"): [0.751, 0.743, 0.716],
    ("4.1", "Edema"): [0.675, 0.645, 0.646],
    ("4.1", "Pleural Effusion"): [0.822, 0.806, 0.822],
    ("4.1", MEAN): [0.756, 0.745, 0.749],
    ("4.2", "Atelectasis"): [0.8350, 0.8568, 0.7368],
    ("4.2", "Cardiomegaly"): [0.9032, 0.9077, 0.8263],
    ("4.2", "Consolidation"): [0.9120, 0.9016, 0.9160],
    ("4.2", "Edema"): [0.8489, 0.8447, 0.8269],
    ("4.2", "Pleural Effusion"): [0.9217, 0.9230, 0.8393],
    ("4.2", MEAN): [0.8841, 0.8867, 0.8291],
    ("4.3", BEFORE): [0.1147, 0.1763, 0.2348],
    ("4.3", AFTER): [0.0996, 0.1091, 0.0992],
}


@pytest.mark.parametrize(("number", "column"), BY_HAND)
def test_columns_by_hand(number, column):
    assert printed_table(NUMBERS, number)[column].tolist() == BY_HAND[number, column]


def test_every_table_is_complete():
    tables = {number: printed_table(NUMBERS, number) for number in ("4.1", "4.2", "4.3")}
    assert {number: table.size for number, table in tables.items()} == {"4.1": 18, "4.2": 18, "4.3": 6}
    assert list(tables["4.1"].index) == ["Cross Entropy", "Custom", "Modified Pipeline"]
    assert list(tables["4.2"].index) == list(tables["4.3"].index) == ["Cross Entropy", "Focal", "DeepAUC"]


def test_a_table_is_a_copy():
    table = printed_table(NUMBERS, "4.3")
    table.loc["Focal", AFTER] = 0.0
    assert printed_table(NUMBERS, "4.3").loc["Focal", AFTER] == 0.1091


@pytest.mark.parametrize("number", ["4.4", 4.1, 1])
def test_no_other_table(number):
    with pytest.raises(ValueError, match=r"number: found .*, expected one of \('4\.1', '4\.2', '4\.3'\)"):
        printed_table(NUMBERS, number)


def test_no_number_of_the_text_is_lost_to_a_key_given_twice():
    text = (CLAIMS / "printed" / "sibnet_calibration.yaml").read_text()
    assert len(re.findall(r"^  \w+: \{value: ", text, flags=re.MULTILINE)) == len(NUMBERS.text)


def test_numbers_of_the_text():
    said = NUMBERS.stated("atelectasis_auc")
    assert (said.value, said.where) == (0.867, "Section 3.4")
    assert NUMBERS.stated("learning_rate").value == 1e-4  # YAML reads "1e-4" as a word
    assert NUMBERS.stated("weight_decay").value == 1e-5
    # words that hold the number hold the one that is stored
    for key in ("atelectasis_auc", "edema_auc", "deepauc_drop", "lambda1", "slowdown", "validation_images"):
        assert f" {NUMBERS.stated(key).value:g}" in NUMBERS.stated(key).says
    assert all(said.where for said in NUMBERS.text.values())


def test_validation_set():
    assert (NUMBERS.images, NUMBERS.frontal) == (234, 202)
    shares = [round(NUMBERS.positives[label] / NUMBERS.frontal, 4) for label in LABELS]
    assert shares == [0.3713, 0.3267, 0.1584, 0.2079, 0.3168]  # the ratios printed beside the counts


@pytest.fixture
def claims(tmp_path):
    (tmp_path / "printed").mkdir()
    for path in (CLAIMS / "printed").glob("sibnet_calibration*"):
        shutil.copy(path, tmp_path / "printed")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "error"),
    [
        ("_table41.csv", "0.810", "0.81", r"line 4: Cardiomegaly: found '0.81', expected .* with 3 decimals"),
        ("_table42.csv", "0.9217", "1.9217", r"line 2: Pleural Effusion: found '1.9217'"),
        ("_table42.csv", ",0.9217", "", r"line 2: found 6 values, expected 7"),
        ("_table43.csv", "Focal Loss", "Fokal Loss", r"found rows Cross Entropy, Fokal, DeepAUC, expected"),
        (
            "_table41.csv",
            "Edema,Pleural Effusion",
            "Pleural Effusion,Edema",
            r"table41.csv: found columns Loss",
        ),
        (".yaml", "sibnet_calibration_table43.csv", "none.csv", r"none.csv: no such file"),
        (".yaml", "decimals: 3", "decimals: three", r"table 4.1: decimals: found 'three', expected a whole"),
        (".yaml", '"4.3": {', '"4.4": {', r"tables: found no '4.3', expected 4.1, 4.2, 4.3"),
        (".yaml", "labels: {value: 5, where", "labels: {value: 5, page", r"labels: found no 'where'"),
        (
            ".yaml",
            "labels: {value: 5,",
            "labels: {value: five,",
            r"labels: value: found 'five', expected a num",
        ),
        (
            ".yaml",
            'labels: {value: 5, where: "Section 4.1"',
            "labels: {value: 5, where: 4.1",
            r"where: found 4.1",
        ),
        (".yaml", "Edema: 42", "Edema: 202", r"Edema: found 202, expected fewer than the 202 frontal images"),
        (".yaml", "Edema: 42", "Edema: 0", r"Edema: found 0, expected a whole number of 1 or more"),
        (".yaml", "Edema: 42, ", "", r"positives: found no 'Edema'"),
        (
            ".yaml",
            "frontal: 202",
            "frontal: 202\n  lateral: 32",
            r"validation: found 'lateral', expected source",
        ),
        (".yaml", "tables:", "tables: [", r"sibnet_calibration.yaml, line \d+: "),
    ],
)
def test_a_slip_is_one_line(claims, file, old, new, error):
    path = claims / "printed" / f"sibnet_calibration{file}"
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))
    with pytest.raises(UserError, match=error) as caught:
        read_numbers(claims)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(claims):
    (claims / "printed" / "sibnet_calibration.yaml").unlink()
    with pytest.raises(UserError, match=r"sibnet_calibration\.yaml: cannot be read \(No such file"):
        read_numbers(claims)


def test_a_number_that_the_text_lacks_is_named():
    with pytest.raises(UserError, match=r"text: found no 'gamma', expected an entry of that name"):
        NUMBERS.stated("gamma")
