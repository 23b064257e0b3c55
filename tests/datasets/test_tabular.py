"""Tables: what is accepted, and one line with file, line and column about what is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.datasets.fingerprint import data_kind, tree_fingerprint
from papers_lib.datasets.splits import image_split, k_folds_by_patient, patient_split, shared_patients
from papers_lib.datasets.tabular import Check, bounded_number, one_of, read_rows, read_table
from papers_lib.errors import UserError


def write(folder, content):
    path = folder / "train.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_rows_as_programs_write_them(tmp_path):
    """A byte order mark, blanks, quotes, empty lines, a comma at the end of the header, lines inside a value."""
    text = '\ufeffid , note,\n\n a ,"x, y"\n,,\nb,"two\nlines",\n'
    first, second = read_rows(write(tmp_path, text), ["id", "note"])
    assert (first["id"], first["note"], first.line) == ("a", "x, y", 3)
    assert (second["note"], second.where) == ("two\nlines", f"{tmp_path / 'train.csv'} line 6")
    quoted = write(tmp_path, '"box [x,y]"\n1,2\n')
    assert read_rows(quoted, ["box [x", "y]"], split_names=True)[0]["y]"] == "2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: found nothing"),
        ("id,n\n", "a header and no rows"),
        ("id\na\n", "line 1: found column 'n' not among 'id'"),
        ("id,n\na,1\nb\n", "line 3: found 1 values, expected 2"),
        ('id,n\n"a,1\n', "line 2: not comma-separated values"),
        (b"id,n\na,\xff\n", "line 2: not UTF-8"),
        ("id,n\na,1\na,2\n", "line 3: id: found 'a' again (first line 2)"),
        ("id,n\na,1\nb,x\nc,y\n", "line 3: n: found 'x', expected a number"),
    ],
)
def test_the_first_bad_row_is_named(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(UserError) as error:
        read_table(path, {"id": None, "n": Check(bounded_number, "a number")}, unique="id")
    assert str(path) in str(error.value)
    assert message in str(error.value)


def test_values_are_parsed_by_column(tmp_path):
    path = write(tmp_path, "id,n,kind,more\na,1.5,dog,x\n\nb,-2,cat,y\n")
    table = read_table(path, {"n": Check(bounded_number, "a number"), "kind": one_of(("cat", "dog"))})
    assert table["n"].tolist() == [1.5, -2]
    assert table["kind"].tolist() == [1, 0]
    assert table.index.tolist() == [2, 4]


# Splits

PATIENTS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40)


@given(patients=PATIENTS, seed=st.integers(0, 99), share=st.sampled_from([0.1, 0.3, 0.5]))
def test_no_patient_is_in_two_parts(patients, seed, share):
    parts = patient_split(patients, {"train": 1 - share, "val": share}, seed)
    names = np.array(patients)
    assert shared_patients(names[parts == "train"], names[parts == "val"]) == 0
    largest = max(patients.count(one) for one in patients)
    assert abs((parts == "val").sum() - share * len(patients)) <= largest
    backwards = patient_split(patients[::-1], {"train": 1 - share, "val": share}, seed)
    assert backwards[::-1].tolist() == parts.tolist()  # the order of the images does not count


@given(patients=PATIENTS, seed=st.integers(0, 99))
def test_folds_keep_patients_together_and_are_even(patients, seed):
    k = len(set(patients))
    if k < 2:
        with pytest.raises(ValueError, match="k: found 2"):
            k_folds_by_patient(patients, 2, seed)
        return
    folds = k_folds_by_patient(patients, 2, seed)
    names = np.array(patients)
    assert shared_patients(names[folds == 0], names[folds == 1]) == 0
    assert abs(np.diff(np.bincount(folds, minlength=2))[0]) <= max(map(patients.count, patients))


def test_image_by_image_sizes_are_the_shares():
    parts = image_split(1000, {"train": 0.7, "val": 0.1, "test": 0.2}, 0)
    assert [(parts == part).sum() for part in ("train", "val", "test")] == [700, 100, 200]
    assert (parts != image_split(1000, {"train": 0.7, "val": 0.1, "test": 0.2}, 1)).any()
    for shares in ({}, {"train": 0.5}, {"train": 1.5, "val": -0.5}):
        with pytest.raises(ValueError, match="that sum to 1"):
            image_split(4, shares, 0)


# Fingerprint and kind


def test_the_fingerprint_follows_names_sizes_and_text(tmp_path):
    root = tmp_path / "set"
    (root / "images").mkdir(parents=True)
    (root / "images" / "a.png").write_bytes(b"12")
    (root / "a.csv").write_text("id\n1\n")
    (root / ".hidden").write_text("x")
    first = tree_fingerprint(root)
    (root / ".hidden").write_text("other")
    assert tree_fingerprint(root) == first
    seen = {first}
    for change in (
        lambda: (root / "a.csv").write_text("id\n2\n"),
        lambda: (root / "images" / "a.png").write_bytes(b"123"),
        lambda: (root / "images" / "a.png").rename(root / "images" / "b.png"),
    ):
        change()
        seen.add(tree_fingerprint(root))
    assert len(seen) == 4
    for bad in (tmp_path / "none", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(UserError, match="expected a data set"):
            tree_fingerprint(bad)


def test_only_a_generated_set_says_that_it_is_one(tmp_path):
    assert data_kind(tmp_path) == "real data"
    for kind, expected in (("synthetic data", "synthetic data"), ("real", "real data")):
        (tmp_path / "dataset.json").write_text(f'{{"kind": "{kind}"}}')
        assert data_kind(tmp_path) == expected
    (tmp_path / "dataset.json").write_text("[")
    with pytest.raises(UserError, match=r"dataset\.json"):
        data_kind(tmp_path)
