"""Damaged pictures of every kind that is decoded: pixels in the store, or one line that names the file."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.image_store import StoreSpec, write_images
from papers_lib.datasets.voc_files import find_picture
from tests.fuzz import flipped, fuzzed, no_hang, rechunked, refused

GREYS = np.arange(48, dtype=np.uint8).reshape(6, 8)
PICTURES = {
    "PNG L": Image.fromarray(GREYS),
    "PNG I16": Image.fromarray(GREYS.astype(np.uint16) * 900),
    "PNG P": Image.fromarray(GREYS).convert("P"),
    "PNG RGBA": Image.fromarray(GREYS).convert("RGBA"),
    "JPEG L": Image.fromarray(GREYS),
    "JPEG RGB": Image.fromarray(GREYS).convert("RGB"),
}


def one(path):
    """A list of one image without boxes."""
    return BoxedImages(
        classes=("a",),
        names=(path.name,),
        paths=(path,),
        where=("t.csv line 2",),
        labels=np.ones((1, 1), np.bool_),
        boxes=(np.zeros((0, 4), np.float32),),
        box_classes=(np.zeros(0, np.int64),),
        patients=None,
        split=np.array(["train"]),
    )


@no_hang
@pytest.mark.parametrize("kind", PICTURES)
@given(data=st.data())
@fuzzed
@pytest.mark.filterwarnings("ignore")  # Pillow's, about what it finds
def test_fuzzed_pictures_are_pixels_or_one_line(tmp_path_factory, kind, data):
    file = io.BytesIO()
    PICTURES[kind].save(file, kind.split()[0])
    ways = [flipped(file.getvalue())] + [rechunked(file.getvalue())] * kind.startswith("PNG")
    root = tmp_path_factory.mktemp("picture")
    path = root / "JPEGImages" / "a.png"
    path.parent.mkdir()
    path.write_bytes(data.draw(st.one_of(ways)))
    for channels in (1, 3):
        spec = StoreSpec("set", 3, channels)
        found = refused(
            lambda spec=spec, c=channels: write_images(root / f"{c}", spec, images=one(path)), path
        )
        assert found is None or np.load(found / "images.npy").shape[:3] == (1, 3, 3)
    for decode in (False, True):
        refused(lambda decode=decode: find_picture(root, "a", decode), path)
