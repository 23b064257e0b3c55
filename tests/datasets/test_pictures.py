"""Pictures: grey levels worked by hand on files that pydicom and Pillow write here, and files that are broken."""

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import MPEG2MPML, JPEGLosslessSV1

from papers_lib.datasets.pictures import dicom_size, read_dicom, read_image, square
from papers_lib.errors import UserError
from tests.datasets.dicom_files import table, write_dicom

RAMP = np.array([[0, 100, 200], [300, 400, 500]])


def greys(path) -> list:
    picture = read_dicom(path)
    assert picture.mode == "L"
    return np.asarray(picture).tolist()


UP, EXACT = [[0, 51, 102], [153, 204, 255]], {"VOILUTFunction": "LINEAR_EXACT"}  # 51 levels for every 100
DOWN, WINDOWED = [[255, 204, 153], [102, 51, 0]], [[0, 0, 128], [255, 255, 255]]
SWAPPED = table([10, 0, 20, 30, 40, 50])


@pytest.mark.parametrize(
    ("pixels", "options", "expected"),
    [
        (RAMP, {}, UP),
        (RAMP + 7000, {"bits": 14}, UP),
        (RAMP // 2, {"bits": 8}, UP),
        (RAMP - 300, {"signed": True}, UP),
        # High values are meant to be dark.
        (RAMP, {"kind": "MONOCHROME1"}, DOWN),
        # A negative slope turns dark and bright around.
        (RAMP, {"RescaleSlope": -2, "RescaleIntercept": 50}, DOWN),
        # Exact window from 100 to 300, the first of two: below it 0, above it 255, 127.5 in its middle rounds to 128.
        (RAMP, {"WindowCenter": [200, 9], "WindowWidth": [200, 9], **EXACT}, WINDOWED),
        # The standard's LINEAR: half a unit less in the middle, one in the width. 255 (100 - 199.5) / 200 + 127.5 = .6
        (RAMP, {"WindowCenter": 200, "WindowWidth": 201}, [[0, 1, 128], [255, 255, 255]]),
        # A VOI table goes before a window, and after a rescale; .6 of 0 to 5 is nearest to 0, 1, 1, 2, 2, 3.
        (
            RAMP // 100,
            {"VOILUTSequence": SWAPPED, "WindowCenter": 1, "WindowWidth": 2},
            [[51, 0, 102], UP[1]],
        ),
        (
            RAMP // 100,
            {"VOILUTSequence": table([0, 1, 2, 3]), "RescaleSlope": "0.6", "RescaleIntercept": 0},
            [[0, 85, 85], [170, 170, 255]],
        ),
        (RAMP // 100, {"ModalityLUTSequence": table([50, 40, 30, 20, 10, 0])}, DOWN),
    ],
)
def test_greys_by_hand(tmp_path, pixels, options, expected):
    path = write_dicom(tmp_path / "a.dicom", pixels, **options)
    assert greys(path) == expected
    assert dicom_size(path) == (2, 3)


def check_one_line(error, *parts):
    text = str(error.value)
    assert "\n" not in text
    for part in parts:
        assert part in text


def test_broken_files_are_named(tmp_path):
    whole = write_dicom(tmp_path / "whole.dicom", RAMP).read_bytes()
    path = tmp_path / "a.dicom"
    cases = {
        b"": "cannot be decoded",
        b"no DICOM at all" * 30: "cannot be decoded",
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


TWO_FRAMES = {"pixels": np.zeros((2, 1, 3)), "Rows": 1, "Columns": 3, "NumberOfFrames": 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "RGB"}, "found pixels of kind 'RGB', expected MONOCHROME1 or MONOCHROME2"),
        ({"pixels": np.full((2, 3), 7)}, "found values from 7 to 7, expected an image of several greys"),
        (TWO_FRAMES, "found uint16 pixels of shape (2, 1, 3), expected one image of at most 16 bits"),
        ({"WindowCenter": 5, "WindowWidth": 0}, "Window Width"),
        ({"syntax": MPEG2MPML, "encoded": b"12"}, "found pixels compressed as MPEG2 Main Profile"),
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


# PNG and JPEG


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "I;16"])
def test_grey_stored_as_anything_keeps_its_values(tmp_path, mode):
    values = np.array([[0, 51], [102, 255]], np.uint8)
    picture = Image.fromarray(values)
    sixteen = Image.fromarray(values.astype(np.uint16) * 257)
    (sixteen if mode == "I;16" else picture.convert(mode)).save(tmp_path / "a.png")
    found = read_image(tmp_path / "a.png")
    assert square(found, 2, 1).tolist() == values.tolist()
    assert (square(found, 2, 3) == values[..., None]).all()


def test_shrinking_averages_and_colour_becomes_luma():
    board = np.indices((64, 32)).sum(0) % 2 * 255
    small = square(Image.fromarray(board.astype(np.uint8)), 4, 1)
    assert small.shape == (4, 4)
    assert np.abs(small.astype(int) - 127).max() <= 2
    red = Image.new("RGB", (2, 2), (255, 0, 0))
    assert square(red, 1, 1).tolist() == [[76]]  # .299 of 255
    assert square(red, 1, 3).tolist() == [[[255, 0, 0]]]


def test_values_of_unknown_range_are_refused():
    with pytest.raises(ValueError, match="mode F"):
        square(Image.fromarray(np.ones((2, 2), np.float32)), 1, 1)
    with pytest.raises(ValueError, match="found values 0 to 70000"):
        square(Image.fromarray(np.array([[0, 70000]], np.int32)), 1, 1)
    with pytest.raises(ValueError, match="channels: found 2"):
        square(Image.new("L", (2, 2)), 1, 2)


def test_what_is_no_picture_is_one_line(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)).save(path)
    whole = path.read_bytes()
    Image.new("L", (2, 2)).save(tmp_path / "a.bmp")
    contents = (b"", b"text", whole[:200], (tmp_path / "a.bmp").read_bytes())
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(UserError) as error:
            read_image(path)
        check_one_line(error, f"{path}: cannot be decoded", "expected a PNG or JPEG picture")
    with pytest.raises(UserError, match="no such file"):
        read_image(tmp_path / "gone.png")
