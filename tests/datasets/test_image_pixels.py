"""Pictures of every kind as grey or RGB squares; reference values are worked by hand or come from Pillow's steps."""

import numpy as np
import pytest
from PIL import Image

from papers_lib.datasets.image_pixels import read_image, square
from papers_lib.errors import UserError

GREYS = np.random.default_rng(0).integers(0, 256, (12, 8), dtype=np.uint8)


def saved(tmp_path, picture, name="a.png"):
    path = tmp_path / name
    picture.save(path)
    return read_image(path)


def test_grey_stored_as_anything_keeps_its_values(tmp_path):
    grey = Image.fromarray(GREYS)
    expected = np.asarray(grey.resize((4, 4), Image.Resampling.BICUBIC))
    alpha = Image.fromarray(255 - GREYS)
    palette = Image.fromarray(255 - GREYS, "P")
    palette.putpalette([value for level in range(255, -1, -1) for value in (level, level, level)])
    variants = {
        "L": grey,
        "RGB": grey.convert("RGB"),
        "RGBA": Image.merge("RGBA", [grey, grey, grey, alpha]),  # as some of the release's images are
        "LA": Image.merge("LA", [grey, alpha]),
        "P": palette,
        "16 bit": Image.fromarray(GREYS.astype(np.uint16) * 257),
    }
    for name, picture in variants.items():
        read = saved(tmp_path, picture)
        assert (square(read, 4, 1) == expected).all(), name
        assert (square(read, 4, 3) == expected[..., None]).all(), name


def test_sixteen_bits_are_scaled_over_their_full_range(tmp_path):
    values = np.array([[0, 128], [129, 65535]], np.uint16)
    read = saved(tmp_path, Image.fromarray(values))
    assert square(read, 2, 1).tolist() == [[0, 0], [1, 255]]  # 128/257 rounds down, 129/257 up
    assert square(Image.fromarray(values.astype(np.int32)), 2, 1).tolist() == [[0, 0], [1, 255]]
    big_endian = Image.frombytes("I;16B", (2, 2), values.astype(">u2").tobytes())
    assert square(big_endian, 2, 1).tolist() == [[0, 0], [1, 255]]


def test_colour_becomes_luma_and_grey_becomes_rgb():
    assert square(Image.new("RGB", (3, 3), (255, 0, 0)), 2, 1).tolist() == [[76, 76], [76, 76]]  # .299 x 255
    assert square(Image.new("L", (3, 3), 9), 1, 3).tolist() == [[[9, 9, 9]]]
    assert square(Image.new("1", (3, 3), 1), 1, 1).tolist() == [[255]]


def test_shrinking_averages_and_does_not_keep_the_aspect_ratio():
    columns = np.zeros((64, 128), np.uint8)
    columns[:, ::2] = 200  # of every second column alone a filter without antialiasing gives 0 or 200
    shrunk = square(Image.fromarray(columns), 16, 1)
    assert shrunk.shape == (16, 16)
    assert (abs(shrunk.astype(int) - 100) <= 5).all()


def test_a_picture_of_the_size_asked_for_is_unchanged():
    side = GREYS[:8]
    assert (square(Image.fromarray(side), 8, 1) == side).all()


def test_values_of_unknown_range_are_refused():
    with pytest.raises(ValueError, match="found mode F"):
        square(Image.new("F", (2, 2)), 2, 1)
    for value in (-1, 65536):
        with pytest.raises(ValueError, match=f"found values {value} to {value}, expected 0 to 65535"):
            square(Image.new("I", (2, 2), value), 2, 1)
    with pytest.raises(ValueError, match="channels: found 2"):
        square(Image.new("L", (2, 2)), 2, 2)


def test_what_is_no_picture_is_one_line(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    faults = {
        "text.png": b"not a\npicture",
        "empty.png": b"",
        "cut.png": whole[: len(whole) // 2],
        "flipped.png": whole[:60] + bytes(40) + whole[100:],
        "gif.png": b"GIF89a" + bytes(50),
    }
    for name, content in faults.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            UserError, match=rf"{name}: cannot be decoded .* expected a PNG or JPEG"
        ) as caught:
            read_image(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"none\.png: no such file, expected a PNG or JPEG picture"):
        read_image(tmp_path / "none.png")
    with pytest.raises(UserError, match="cannot be decoded"):
        read_image(tmp_path)


def test_jpeg_is_read_whatever_its_suffix(tmp_path):
    Image.new("L", (8, 8), 77).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").rename(tmp_path / "a.png")
    assert square(read_image(tmp_path / "a.png"), 1, 1).tolist() == [[77]]
