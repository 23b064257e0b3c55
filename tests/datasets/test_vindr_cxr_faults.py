"""VinDr-CXR: each fault of a release with its file and line, and a fuzz."""

import csv
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from papers_lib.datasets.vindr_cxr import load_vindr
from papers_lib.errors import UserError
from tests.datasets.vindr_tree import HEADER, healthy, load, row, tree


def picture_bytes(kind):
    stream = io.BytesIO()
    Image.new("L", (4, 4)).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (row(name="Tumour"), "class_name: found 'Tumour', expected one of Aortic enlargement, "),
        (row(name="ild"), "class_name: found 'ild', expected one of"),
        (row(number=4), "class_id: found '4', expected 3 for Cardiomegaly"),
        (row(number=""), "class_id: found '', expected 3 for Cardiomegaly"),
        (row(name="No finding", number=3, box=None), "class_id: found '3', expected 14 for No finding"),
        (row(name="No finding"), "x_min: found '10', expected it empty for No finding"),
        (row(name="No finding", box=("", "", "", 5)), "y_max: found '5', expected it empty for No finding"),
        (row(box=None), "x_min: found '', expected a box for Cardiomegaly"),
        (row(box=(1, 2, 3, "")), "y_max: found '', expected a box for Cardiomegaly"),
        (row(box=(1, "nan", 3, 4)), "y_min: found 'nan', expected a number up to 1000000"),
        (row(box=(1, 2, "inf", 4)), "x_max: found 'inf', expected a number up to 1000000"),
        (row(box=(1, "2 px", 3, 4)), "y_min: found '2 px', expected a number"),
        (row(box=(30, 2, 20, 4)), "found x_min 30 and x_max 20, expected x_max to be greater"),
        (row(box=(3, 4, 5, 4)), "found y_min 4 and y_max 4, expected y_max to be greater"),
        (
            row(box=(90, 2, 111, 9)),
            "found box x 90 to 111, y 2 to 9, expected it inside the image's width 100",
        ),
        (row(box=(-11, 2, 20, 9)), "found box x -11 to 20, y 2 to 9, expected it inside"),
        (row(box=(5, 81, 20, 85)), "found box x 5 to 20, y 81 to 85, expected it inside"),
        (row(reader=""), "rad_id: found '', expected the reader's name"),
        (row(image=""), "image_id: found '', expected a file name without folders"),
        (row(image="../a"), "image_id: found '../a', expected a file name without folders"),
        (row().replace("Cardiomegaly", "Cardio,megaly"), "found 9 values, expected 8 as in the header"),
    ],
)
def test_a_bad_row_is_named(tmp_path, bad, message):
    root = tree(tmp_path, healthy("b"), row("a"), bad)
    with pytest.raises(UserError) as error:
        load(root, missing="skip")
    assert str(error.value).startswith(f"{root / 'train.csv'} line 4: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_named(tmp_path, column):
    root = tree(tmp_path, header=HEADER.replace(column, "other"))
    with pytest.raises(UserError, match=rf"train\.csv line 1: found columns .*, expected also {column}$"):
        load(root)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        (
            "image_id,dim0,dim1\nb,80,100",
            r"a\.png: found no row in .*train_meta\.csv, expected the height and",
        ),
        ("image_id,dim0\na,80", r"train_meta\.csv line 1: found columns image_id, dim0, expected also dim1"),
        ("image_id,dim0,dim1\na,0,100", r"train_meta\.csv line 2: dim0: found '0', expected a whole number"),
        (
            "image_id,dim0,dim1\na,80,nan",
            r"train_meta\.csv line 2: dim1: found 'nan', expected a whole number",
        ),
        ("image_id,dim0,dim1\na,80,-100", r"train_meta\.csv line 2: dim1: found '-100', expected a whole"),
        ("image_id,dim0,dim1\na,8,8\na,8,8", r"train_meta\.csv line 3: image_id: found 'a' again"),
        (None, r"train_meta\.csv: no such file, expected a table with image_id, dim0, dim1"),
    ],
)
def test_sizes_of_the_originals_are_checked(tmp_path, meta, message):
    root = tree(tmp_path, row("a"), images="a", meta=False)
    if meta is not None:
        (root / "train_meta.csv").write_text(meta + "\n")
    with pytest.raises(UserError, match=message):
        load(root)


@pytest.mark.parametrize("name", ["a.png", "a.dicom"])
@pytest.mark.parametrize("content", [b"", b"no radiograph", picture_bytes("GIF")])
def test_an_image_that_is_none_is_named_with_its_row(tmp_path, name, content):
    root = tree(tmp_path, row("a"), images="a")
    (root / "train" / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: .*expected an? .*\(listed in .*train\.csv line 2\)$"):
        load(root)


def test_folders_and_arguments_are_named(tmp_path):
    with pytest.raises(UserError, match=r"gone: no such folder, expected one with train\.csv and train/"):
        load(tmp_path / "gone")
    with pytest.raises(UserError, match=r"train\.csv: no such file, expected a table with image_id"):
        load(tmp_path)
    root = tree(tmp_path, row("a"), images="a")
    with pytest.raises(UserError, match=r"train\.csv: found 1 images, too few for the part val"):
        load_vindr(root)
    for readers in (0, 1.5, True):
        with pytest.raises(UserError, match=f"min_readers: found {readers}, expected a whole number"):
            load(root, min_readers=readers)
    with pytest.raises(UserError, match="missing: found 'drop', expected error or skip"):
        load(root, missing="drop")
    for path in (root / "train").iterdir():
        path.unlink()
    (root / "train").rmdir()
    with pytest.raises(
        UserError, match=r"train: cannot be read \(No such file or directory\), expected ID\.d"
    ):
        load(root)


# --- properties ---


VALUES = st.one_of(
    st.sampled_from(
        ["a", "b", "../a", "", "ILD", "5", "14", "No finding", "R1", "nan", "-1e400", "0x5", "1_0", "٣", '"']
    ),
    st.text(max_size=5),
    st.floats().map(str),
)


@given(table=st.lists(st.lists(VALUES, min_size=7, max_size=9), max_size=5), good=st.booleans())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_loads_or_gives_one_line(tmp_path, table, good):
    root = tree(tmp_path)
    text = io.StringIO()
    csv.writer(text).writerows(table)
    start = HEADER + "\n" + (row("a", "ILD") + "\n" if good else "")
    (root / "train.csv").write_bytes((start + text.getvalue()).encode("utf-8", "surrogatepass"))
    message = f"{root / 'train.csv'}"
    try:
        found = load(root)
    except UserError as error:
        message = str(error)
    else:
        assert len(found) >= 1
        assert all(np.isfinite(boxes).all() for boxes in found.boxes)
    assert message.startswith(f"{root / 'train.csv'}")
    assert "\n" not in message


@given(low=st.floats(0, 99), width=st.one_of(st.floats(1e-17, 1e-4), st.floats(0.1, 1)))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_box_that_vanishes_in_single_precision_is_a_fault(tmp_path, low, width):
    root = tree(tmp_path, row("a", box=(repr(low), 0, repr(low + width), 10)), images="a")
    if np.float32(low / 100) < np.float32((low + width) / 100):
        assert load(root).boxes[0][0, 0] < load(root).boxes[0][0, 2]
    else:
        with pytest.raises(UserError, match=r"train\.csv line 2: found "):
            load(root)
