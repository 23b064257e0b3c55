"""The box file: scaled by hand, its odd header, and one clear line for each fault."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from papers_lib.datasets.nih_boxes import read_boxes
from papers_lib.datasets.nih_files import CLASSES
from papers_lib.errors import UserError
from tests.datasets.nih_tree import BOX_HEADER

GOOD = "a.png,Mass,256,128,512,256"


def read(tmp_path, content):
    path = tmp_path / "BBox_List_2017.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_boxes(path)


def test_pixels_of_1024_become_shares(tmp_path):
    nodule, whole = read(tmp_path, f"{BOX_HEADER}\n{GOOD}\na.png,Infiltrate,0,0,1024.0,1024,,,\n")
    assert nodule.box.tolist() == [0.25, 0.125, 0.75, 0.375]
    assert (nodule.box.dtype, nodule.image, CLASSES[nodule.kind]) == (np.float32, "a.png", "Mass")
    assert (whole.box.tolist(), CLASSES[whole.kind]) == ([0, 0, 1, 1], "Infiltration")
    assert whole.where == f"{tmp_path / 'BBox_List_2017.csv'} line 3"


@pytest.mark.parametrize(
    "header",
    [
        BOX_HEADER,
        BOX_HEADER.rstrip(","),
        'Image Index,Finding Label,"Bbox [x,y,w,h]",,,',
        "\ufeffImage Index, Finding Label, Bbox [x, y, w, h]\r",
    ],
)
def test_the_header_however_it_was_split(tmp_path, header):
    assert len(read(tmp_path, f"{header}\n{GOOD}\n")) == 1


def test_a_box_at_or_just_over_the_edge_is_clipped(tmp_path):
    found = read(tmp_path, f"{BOX_HEADER}\na,Mass,-9.5,0,512,1024\na,Mass,512,1000.5,522,33.5\n")
    assert found[0].box.tolist() == [0, 0, 502.5 / 1024, 1]
    assert found[1].box.tolist() == [0.5, np.float32(1000.5 / 1024), 1, 1]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,Mass,0,0,-5,10", "line 3: found width -5, expected above 0 pixels"),
        ("a,Mass,0,0,5,-0.5", "line 3: found height -0.5, expected above 0 pixels"),
        ("a,Mass,0,0,5,0", "line 3: found height 0, expected above 0"),
        ("a,Tumour,0,0,5,5", "line 3: found class 'Tumour', expected one of Atelectasis, "),
        ("a,No Finding,0,0,5,5", "line 3: found class 'No Finding'"),
        ("a,Mass,0,0,5", "line 3: found 5 values, expected image, class, x, y, width, height"),
        ("a,Mass,0,0,5,5,5", "line 3: found 7 values"),
        ("a,Mass,nan,0,5,5", "line 3: x: found 'nan', expected a number up to 1000000"),
        ("a,Mass,0,inf,5,5", "line 3: y: found 'inf'"),
        ("a,Mass,0,0,-inf,5", "line 3: width: found '-inf'"),
        ("a,Mass,0,0,5,1e300", "line 3: height: found '1e300'"),
        (f"a,Mass,0,0,5,{'1' * 400}", "line 3: height: found '111"),
        ("a,Mass,zero,0,5,5", "line 3: x: found 'zero'"),
        ("a,Mass,,0,5,5", "line 3: x: found ''"),
        (
            "a,Mass,1000,0,40,5",
            "line 3: found x 1000 to 1040, y 0 to 5, expected a box inside the 1024 x 1024",
        ),
        ("a,Mass,-11,0,40,5", "line 3: found x -11 to 29"),
        ("a,Mass,2000,2000,40,5", "expected a box inside"),
        ("a,Mass,1025,0,5,5", "line 3: found x 1025 to 1030, y 0 to 5, expected a box with some area inside"),
        ("a,Mass,500,0,1e-9,5", "expected a box with some area"),
        ('a,"Mass,0,0,5,5', "not comma-separated values"),
        ("a,Mass\x00,0,0,5,5", "found class 'Mass\\x00'"),
    ],
)
def test_a_bad_row_is_one_line(tmp_path, row, message):
    with pytest.raises(UserError) as caught:
        read(tmp_path, f"{BOX_HEADER}\n{GOOD}\n{row}\n")
    line = str(caught.value)
    assert message in line
    assert "BBox_List_2017.csv" in line
    assert "\n" not in line
    assert len(line) < 500


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: found columns nothing, expected Image Index,Finding Label,Bbox [x,y,w,h]"),
        (f"{GOOD}\n", "line 1: found columns 'a.png,Mass,256"),
        (
            "Image Index,Finding Label,Bbox [x,y,w],,,\n",
            "line 1: found columns 'Image Index,Finding Label,Bbox [x,y,w]'",
        ),
        (
            "Image Index,Bbox [x,y,w,h],,,\na,1,1,1,1\n",
            "line 1: found columns 'Image Index,Bbox [x,y,w,h]', expected",
        ),
        (f"{BOX_HEADER}\n", "found a header and no rows, expected at least one box"),
        (f"{BOX_HEADER}\n{GOOD}\na,M\xe9,0,0,5,5\n".encode("latin-1"), "line 3: not UTF-8 (byte"),
    ],
)
def test_a_missing_column_or_another_file_is_one_line(tmp_path, content, message):
    with pytest.raises(UserError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        UserError, match=r"BBox.csv: no such file, expected boxes with the header Image Index"
    ):
        read_boxes(tmp_path / "BBox.csv")


number = st.one_of(
    st.floats().map(str),
    st.floats(-20, 1100, allow_subnormal=True).map(str),
    st.integers().map(str),
    st.sampled_from(["", "nan", "-inf", "1_0", "٣", "0x10", "1e999", "1e-320"]),
)
row = st.tuples(
    st.sampled_from(["a.png", "", "é", '"', "x" * 300]),
    st.sampled_from(["Mass", "Infiltrate", "mass", "No Finding", ""]),
    *[number] * 4,
).map(",".join)


@given(
    content=st.one_of(
        st.binary(max_size=80),
        st.text('aMs,"\n\r 019.-+e', max_size=80).map(str.encode),
        st.lists(row, min_size=1, max_size=3).map("\n".join).map(str.encode),
    )
)
@example(b"a,Mass,1023.9999999,0,10,5")
@example(b"a,Mass,5e-324,0,5e-324,5")
@settings(max_examples=400, deadline=None)
def test_any_rows_are_boxes_inside_the_image_or_one_line(tmp_path_factory, content):
    found, message = [], ""
    try:
        found = read(tmp_path_factory.mktemp("boxes"), BOX_HEADER.encode() + b"\n" + content)
    except UserError as error:
        message = str(error)
    assert "\n" not in message
    assert bool(found) != bool(message)
    for one in found:
        assert (one.box[:2] < one.box[2:]).all()
        assert ((one.box >= 0) & (one.box <= 1)).all()


@given(box=st.tuples(*[st.floats(0, 1023)] * 2, *[st.floats(1, 1024)] * 2))
@settings(max_examples=100, deadline=None)
def test_a_box_inside_comes_back_in_pixels(tmp_path_factory, box):
    x, y, w, h = box[0], box[1], min(box[2], 1024 - box[0]), min(box[3], 1024 - box[1])
    (found,) = read(tmp_path_factory.mktemp("b"), f"{BOX_HEADER}\na,Mass,{x!r},{y!r},{w!r},{h!r}\n")
    assert np.allclose(found.box * 1024, [x, y, x + w, y + h], rtol=0, atol=1e-4)
