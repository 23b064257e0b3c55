"""DICOM files with tags that no scanner writes: a picture, or one line that names the file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import config

from papers_lib.datasets.dicom_reader import dicom_size, read_dicom
from tests.datasets.dicom_files import table, write_dicom
from tests.fuzz import flipped, fuzzed, no_hang, refused

RAMP = np.arange(24).reshape(4, 6) * 100
COUNTS = st.sampled_from([0, 1, 2, 3, 8, 12, 16, 32, 64, 65535])
DECIMALS = st.sampled_from(["0", "-1", "1e400", "nan", "inf", "1e-320", "", "x", "1\\2", "200"])
TAGS = {
    **dict.fromkeys(
        (
            "Rows",
            "Columns",
            "BitsAllocated",
            "BitsStored",
            "HighBit",
            "SamplesPerPixel",
            "PixelRepresentation",
        ),
        COUNTS,
    ),
    **dict.fromkeys(("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"), DECIMALS),
    "NumberOfFrames": st.sampled_from(["0", "1", "2", "-1", "2147483647", "x"]),
    "PlanarConfiguration": COUNTS,
    "VOILUTFunction": st.sampled_from(["LINEAR", "SIGMOID", "LINEAR_EXACT", "?"]),
    "VOILUTSequence": st.builds(table, st.lists(st.integers(0, 999), max_size=5), st.integers(0, 9)),
    "ModalityLUTSequence": st.builds(table, st.lists(st.integers(0, 999), max_size=5), st.integers(0, 9)),
    "PixelData": st.binary(max_size=60),
}


@no_hang
@given(tags=st.dictionaries(st.sampled_from(sorted(TAGS)), st.none(), max_size=4), data=st.data())
@fuzzed
@pytest.mark.filterwarnings("ignore")  # pydicom's, about what it finds
def test_fuzzed_tags_are_a_picture_or_one_line(tmp_path, monkeypatch, tags, data):
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
    values = {name: data.draw(TAGS[name], name) for name in tags}
    path = tmp_path / "a.dicom"
    try:
        write_dicom(path, RAMP, **values)
    except (ValueError, TypeError, OverflowError, AttributeError):
        return  # not even pydicom writes it
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(flipped(path.read_bytes(), 128)))
    picture, size = refused(lambda: read_dicom(path), path), refused(lambda: dicom_size(path), path)
    if picture is not None:
        assert size == (picture.height, picture.width)
