"""DICOM radiographs: grey levels worked by hand on files that pydicom writes here, and files that are broken."""

import io
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.uid import (
    MPEG2MPML,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    RLELossless,
)

from papers_lib.datasets.dicom_reader import dicom_size, read_dicom, read_radiograph
from papers_lib.datasets.image_store import StoreSpec, write_images
from papers_lib.errors import UserError
from tests.datasets.dicom_files import table, write_dicom

RAMP = np.array([[0, 100, 200], [300, 400, 500]])


def greys(path) -> list:
    picture = read_dicom(path)
    assert picture.mode == "L"
    return np.asarray(picture).tolist()


@pytest.mark.parametrize(
    ("pixels", "options", "expected"),
    [
        # 51 levels for every 100: 255 / 500.
        (RAMP, {}, [[0, 51, 102], [153, 204, 255]]),
        (RAMP + 7000, {"bits": 14}, [[0, 51, 102], [153, 204, 255]]),
        (RAMP // 2, {"bits": 8}, [[0, 51, 102], [153, 204, 255]]),
        (RAMP - 300, {"signed": True}, [[0, 51, 102], [153, 204, 255]]),
        # High values are meant to be dark.
        (RAMP, {"kind": "MONOCHROME1"}, [[255, 204, 153], [102, 51, 0]]),
        # A negative slope turns dark and bright around, and MONOCHROME1 turns them back.
        (RAMP, {"RescaleSlope": -2, "RescaleIntercept": 50}, [[255, 204, 153], [102, 51, 0]]),
        (
            RAMP,
            {"RescaleSlope": "-0.5", "RescaleIntercept": 9, "kind": "MONOCHROME1"},
            [[0, 51, 102], [153, 204, 255]],
        ),
        # Exact window from 100 to 300: below it 0, above it 255, 200 in its middle (127.5 rounds to 128).
        (
            RAMP,
            {"WindowCenter": 200, "WindowWidth": 200, "VOILUTFunction": "LINEAR_EXACT"},
            [[0, 0, 128], [255, 255, 255]],
        ),
        # The standard's LINEAR: half a unit less in the middle, one in the width. 255 (100 - 199.5) / 200 + 127.5 = .6
        (RAMP, {"WindowCenter": 200, "WindowWidth": 201}, [[0, 1, 128], [255, 255, 255]]),
        # The window is in units after the rescale: 10 x 20 = 200.
        (
            RAMP // 10,
            {
                "RescaleSlope": 10,
                "RescaleIntercept": 0,
                "WindowCenter": 200,
                "WindowWidth": 200,
                "VOILUTFunction": "LINEAR_EXACT",
            },
            [[0, 0, 128], [255, 255, 255]],
        ),
        # The first of two windows.
        (
            RAMP,
            {"WindowCenter": [200, 9], "WindowWidth": [200, 9], "VOILUTFunction": "LINEAR_EXACT"},
            [[0, 0, 128], [255, 255, 255]],
        ),
        # An empty window is none.
        (RAMP, {"WindowCenter": None, "WindowWidth": None}, [[0, 51, 102], [153, 204, 255]]),
        # A VOI table goes before a window; with or without a rescale before it.
        (
            RAMP // 100,
            {"VOILUTSequence": table([10, 0, 20, 30, 40, 50]), "WindowCenter": 1, "WindowWidth": 2},
            [[51, 0, 102], [153, 204, 255]],
        ),
        (
            RAMP // 100,
            {
                "VOILUTSequence": table([10, 0, 20, 30, 40, 50], first=5),
                "RescaleSlope": 1,
                "RescaleIntercept": 5,
            },
            [[51, 0, 102], [153, 204, 255]],
        ),
        # .6 of 0 to 5 is nearest to 0, 1, 1, 2, 2, 3.
        (
            RAMP // 100,
            {"VOILUTSequence": table([0, 1, 2, 3]), "RescaleSlope": "0.6", "RescaleIntercept": 0},
            [[0, 85, 85], [170, 170, 255]],
        ),
        (
            RAMP // 100,
            {"ModalityLUTSequence": table([50, 40, 30, 20, 10, 0])},
            [[255, 204, 153], [102, 51, 0]],
        ),
        (RAMP, {"syntax": ImplicitVRLittleEndian}, [[0, 51, 102], [153, 204, 255]]),
    ],
)
def test_greys_by_hand(tmp_path, pixels, options, expected):
    path = write_dicom(tmp_path / "a.dicom", pixels, **options)
    assert greys(path) == expected
    assert dicom_size(path) == (2, 3)


@given(
    pixels=st.lists(st.integers(0, 4095), min_size=6, max_size=6).filter(lambda p: len(set(p)) > 1),
    slope=st.sampled_from([1, 0.25, 3]),
    intercept=st.integers(-2000, 2000),
    inverted=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_is_kept_and_the_range_is_used(tmp_path, pixels, slope, intercept, inverted):
    array = np.reshape(pixels, (2, 3))
    kind = "MONOCHROME1" if inverted else "MONOCHROME2"
    tags = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    found = np.array(greys(write_dicom(tmp_path / "a.dcm", array, bits=12, kind=kind, **tags)))
    assert (found.min(), found.max()) == (0, 255)
    expected = (array - array.min()) / (array.max() - array.min())  # neither slope nor intercept changes this
    assert np.abs((255 - found if inverted else found) / 255 - expected).max() <= 0.5 / 255 + 1e-9


def test_compressed_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4096, (24, 20), dtype=np.uint16)
    pixels[0, :2] = 0, 4095
    plain = greys(write_dicom(tmp_path / "a.dicom", pixels, bits=12))
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG2000", no_jp2=True, irreversible=False)
    path = write_dicom(
        tmp_path / "b.dicom", pixels, bits=16, syntax=JPEG2000Lossless, encoded=stream.getvalue()
    )
    assert greys(path) == plain
    from pydicom import dcmread

    packed = dcmread(tmp_path / "a.dicom")
    packed.compress(RLELossless)
    packed.save_as(tmp_path / "c.dicom")
    assert greys(tmp_path / "c.dicom") == plain


def test_a_name_says_what_is_read(tmp_path):
    write_dicom(tmp_path / "a.DCM", RAMP)
    Image.fromarray(np.array([[1, 2]], np.uint8)).save(tmp_path / "b.png")
    assert np.asarray(read_radiograph(tmp_path / "a.DCM")).tolist() == [[0, 51, 102], [153, 204, 255]]
    assert np.asarray(read_radiograph(tmp_path / "b.png")).tolist() == [[1, 2]]


def check_one_line(error, *parts):
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 400
    for part in parts:
        assert part in text


def test_broken_files_are_named(tmp_path):
    whole = write_dicom(tmp_path / "whole.dicom", RAMP).read_bytes()
    path = tmp_path / "a.dicom"
    cases = {
        b"": "cannot be decoded",
        b"no DICOM at all" * 30: "InvalidDicomError",
        whole[:-4]: "cannot be decoded",
        whole[:200]: "found pixels of kind ''",
    }
    for content, message in cases.items():
        path.write_bytes(content)
        with pytest.raises(UserError) as error:
            read_dicom(path)
        check_one_line(error, f"{path}: ", message, "expected ")
    with pytest.raises(UserError) as error:
        read_dicom(tmp_path / "gone.dicom")
    check_one_line(error, "gone.dicom: no such file, expected a DICOM image")


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore")  # pydicom's, about what it finds
def test_damaged_files_give_a_picture_or_one_line(tmp_path, data):
    content = bytearray(
        write_dicom(tmp_path / "a.dicom", RAMP, WindowCenter=200, WindowWidth=200).read_bytes()
    )
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(128, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "b.dicom"
    path.write_bytes(content[: data.draw(st.integers(128, len(content)))])
    for read in (read_dicom, dicom_size):
        message = f"{path}: "
        try:
            read(path)
        except UserError as error:
            message = str(error)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "RGB"}, "found pixels of kind 'RGB', expected MONOCHROME1 or MONOCHROME2"),
        ({"pixels": np.full((2, 3), 7)}, "found values from 7 to 7, expected an image of several greys"),
        (
            {"pixels": np.zeros((2, 1, 3)), "Rows": 1, "Columns": 3, "NumberOfFrames": 2},
            "found uint16 pixels of shape (2, 1, 3), expected one image of at most 16 bits",
        ),
        (
            {"pixels": np.zeros((2, 6)), "Columns": 3, "BitsAllocated": 32, "BitsStored": 32, "HighBit": 31},
            "found uint32 pixels of shape (2, 3), expected one image of at most 16 bits",
        ),
        (
            {"WindowCenter": 5, "WindowWidth": 0},
            "cannot be decoded ('ValueError: The (0028,1051) Window Width",
        ),
        (
            {"syntax": MPEG2MPML, "encoded": b"12"},
            "found pixels compressed as MPEG2 Main Profile / Main Level",
        ),
    ],
)
def test_what_is_no_grey_image_is_named(tmp_path, options, message):
    options = dict(options)
    path = write_dicom(tmp_path / "a.dicom", options.pop("pixels", RAMP), **options)
    with pytest.raises(UserError) as error:
        read_dicom(path)
    check_one_line(error, f"{path}: ", message, "expected ")


def test_a_missing_decoder_is_named(tmp_path, monkeypatch):
    from pydicom.pixels import decoders

    monkeypatch.setattr(decoders.JPEGLosslessSV1Decoder, "_available", {})
    path = write_dicom(tmp_path / "a.dicom", RAMP, syntax=JPEGLosslessSV1, encoded=b"1234")
    with pytest.raises(UserError) as error:
        read_dicom(path)
    check_one_line(error, f"{path}: found pixels compressed as JPEG Lossless", "pip install python-gdcm")
    assert dicom_size(path) == (2, 3)


def test_without_pydicom_one_line_says_so(tmp_path, monkeypatch):
    path = write_dicom(tmp_path / "a.dicom", RAMP)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    for read in (read_dicom, dicom_size, read_radiograph):
        with pytest.raises(UserError) as error:
            read(path)
        check_one_line(error, f"{path}: pydicom is not installed", "pip install pydicom")


def test_a_header_without_size_is_named(tmp_path):
    path = write_dicom(tmp_path / "a.dicom", RAMP, Rows=0)
    with pytest.raises(UserError, match=r"a\.dicom: found Rows 0, Columns 3, expected the size of an image"):
        dicom_size(path)


def test_reader_of_the_image_store(tmp_path):
    """In two processes, and its error with the row that lists the file."""
    from papers_lib.datasets.boxed_images import BoxedImages

    folder = tmp_path / "train"
    folder.mkdir()
    paths = [write_dicom(folder / f"{i:02}.dicom", np.tile(RAMP[:, :2], (2, 2)) + i) for i in range(70)]
    none = tuple(np.zeros((0, 4), np.float32) for _ in paths)
    images = BoxedImages(
        ("a",), tuple(p.stem for p in paths), tuple(paths), tuple(f"train.csv line {i + 2}" for i in range(70)),
        np.zeros((70, 1), bool), none, tuple(np.zeros(0, np.int64) for _ in paths), None, np.full(70, "train"),
    )  # fmt: skip
    made = write_images(tmp_path / "store", StoreSpec("x", 4), images=images, jobs=2, reader=read_radiograph)
    pixels = np.load(made / "images.npy")
    # 0, 100, 300, 400 over 400; the picture has the store's size.
    assert (pixels == np.tile([[0, 64], [191, 255]], (2, 2))).all()
    paths[3].write_bytes(b"no DICOM")
    with pytest.raises(UserError) as error:
        write_images(tmp_path / "b", StoreSpec("x", 4), images=images, reader=read_radiograph)
    check_one_line(error, "03.dicom: cannot be decoded", "(listed in train.csv line 5)")
