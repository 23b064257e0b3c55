import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papers_lib.datasets.cardiac import Description, describe, load_cardiac
from papers_lib.errors import UserError

IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)
MASK = np.array([[0, 0, 0, 5], [0, 1, 2, 0], [0, 3, 4, 0]], np.uint8)
COLUMNS = ["id", "split", "class", "sex"]
ROWS = [["a", "train", "NOR", "M"], ["b", "train", "ARV", "F"], ["c", "test", "HCM", ""]]


def save(path: Path, array: np.ndarray, mode: str | None = None) -> None:
    picture = Image.fromarray(array)
    if mode == "P":
        picture.putpalette([0, 0, 0, 255, 0, 0] * 128)
    elif mode:
        picture = picture.convert(mode)
    picture.save(path)


def table(root: Path, rows: list[list[str]], columns: list[str] = COLUMNS) -> None:
    with open(root / "slices.csv", "w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three slices of 3 x 4 pixels, made without the generator."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    table(tmp_path, ROWS)
    for shift, (name, *_) in enumerate(ROWS):
        save(tmp_path / "images" / f"{name}.png", IMAGE + shift)
        save(tmp_path / "masks" / f"{name}.png", MASK)
    return tmp_path


def error(root: Path, split: str = "train") -> str:
    with pytest.raises(UserError) as raised:
        load_cardiac(root, split)
    line = str(raised.value)
    assert "\n" not in line
    return line


def test_a_split_is_read_in_the_order_of_the_table(root: Path) -> None:
    read = load_cardiac(root, "train")
    assert (read.images == [IMAGE, IMAGE + 1]).all()
    assert (read.masks == [MASK, MASK]).all()
    assert (read.images.dtype, read.masks.dtype) == (np.uint8, np.uint8)
    assert (read.classes.dtype, read.classes.tolist()) == (np.int64, [0, 3])
    assert (read.sex.dtype, read.sex.tolist()) == (np.uint8, [1, 0])
    assert read.ids == ("a", "b")
    assert load_cardiac(root, "test").sex.tolist() == [255]


def test_heart_and_label_are_told_apart(root: Path) -> None:
    read = load_cardiac(root, "test")
    assert read.heart.tolist() == [[[False] * 4, [False, True, True, False], [False, True, True, False]]]
    assert np.argwhere(read.label_box).tolist() == [[0, 0, 3]]


def test_grey_saved_as_rgb_and_a_mask_with_a_palette_are_the_same_slice(root: Path) -> None:
    before = load_cardiac(root, "train")
    save(root / "images" / "a.png", IMAGE, "RGB")
    save(root / "masks" / "a.png", MASK, "P")
    after = load_cardiac(root, "train")
    assert (after.images == before.images).all()
    assert (after.masks == before.masks).all()


def test_further_columns_and_a_byte_order_mark_are_accepted(root: Path) -> None:
    table(root, [[*row, "x"] for row in ROWS], [*COLUMNS, "scanner"])
    content = (root / "slices.csv").read_bytes()
    (root / "slices.csv").write_bytes(b"\xef\xbb\xbf" + content)
    assert load_cardiac(root, "train").ids == ("a", "b")


def test_a_missing_folder_or_table_or_column_is_named(root: Path) -> None:
    assert "nowhere: no such folder, expected one with slices.csv" in error(root / "nowhere")
    table(root, [["a", "train", "NOR"]], COLUMNS[:3])
    assert "slices.csv line 1: found columns id, split, class, expected also sex" in error(root)
    (root / "slices.csv").unlink()
    assert "slices.csv: no such file" in error(root)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["d", "dev", "NOR", "M"], "split: found 'dev', expected one of train, val, test"),
        (["d", "test", "nor", "M"], "class: found 'nor', expected one of NOR, HCM, DCM, ARV"),
        (["d", "test", "NOR", "X"], "sex: found 'X', expected one of F, M, empty"),
        (["a", "test", "NOR", "M"], "id: found 'a' again (first on line 2)"),
        (["../d", "test", "NOR", "M"], "id: found '../d', expected a file name without folders"),
        (["d\\e", "test", "NOR", "M"], "expected a file name without folders"),
        (["", "test", "NOR", "M"], "id: found '', expected a file name without folders"),
        (["d", "test", "NOR"], "found 3 values, expected 4 as in the header"),
    ],
)
def test_a_bad_row_is_named_whatever_its_split(root: Path, row: list[str], message: str) -> None:
    table(root, [*ROWS, row])
    line = error(root)
    assert "slices.csv line 5: " in line
    assert message in line


def test_an_empty_or_unknown_split_is_named(root: Path) -> None:
    assert "found no row of split 'val' (rows: train 2, test 1)" in error(root, "val")
    assert error(root, "dev") == "split: found 'dev', expected one of train, val, test"


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_a_missing_or_corrupt_file_is_named_with_its_row(root: Path, folder: str) -> None:
    path = root / folder / "b.png"
    whole = path.read_bytes()
    for broken in (b"", b"text", whole[:-30], whole[:40] + b"\0\0\0\0" + whole[44:]):
        path.write_bytes(broken)
        line = error(root)
        assert f"{folder}/b.png (" in line
        assert "slices.csv line 3): not a readable PNG image" in line
    path.unlink()
    assert "slices.csv line 3): no such file" in error(root)


def test_the_first_bad_row_is_the_one_reported(root: Path) -> None:
    (root / "images" / "b.png").unlink()
    (root / "masks" / "a.png").unlink()
    assert "masks/a.png (" in error(root)


def test_an_image_that_is_not_8_bit_grey_is_named(root: Path) -> None:
    path = root / "images" / "b.png"
    save(path, np.stack([IMAGE, IMAGE, IMAGE + 1], -1))
    assert "b.png (" in (line := error(root))
    assert "found an image in colour, expected 8-bit grey" in line
    save(path, IMAGE.astype(np.uint16) * 256)
    assert "found mode I;16, expected 8-bit grey" in error(root)
    save(path, IMAGE, "LA")
    assert "found mode LA, expected 8-bit grey" in error(root)


def test_a_bad_mask_is_named(root: Path) -> None:
    path = root / "masks" / "b.png"
    for mask, message in (
        (np.where(MASK == 4, 6, MASK).astype(np.uint8), "found value 6, expected 0 to 5"),
        (np.where(MASK == 5, 5, 0).astype(np.uint8), "found no heart, expected pixels of value 1 to 4"),
        (MASK[:, :3], "found 3 x 3 pixels, expected 3 x 4 pixels as its image"),
        (np.stack([MASK] * 3, -1), "found mode RGB, expected an 8-bit mask of one channel"),
    ):
        save(path, np.ascontiguousarray(mask))
        line = error(root)
        assert "masks/b.png (" in line
        assert "slices.csv line 3): " in line
        assert message in line


def test_images_of_two_sizes_are_named(root: Path) -> None:
    save(root / "images" / "b.png", IMAGE[:2])
    save(root / "masks" / "b.png", MASK[:2])
    line = error(root)
    assert "images/b.png (" in line
    assert "found 2 x 4 pixels, expected 3 x 4 pixels as the first image of split 'train'" in line


def test_a_set_is_real_unless_it_says_otherwise(root: Path) -> None:
    assert describe(root) == Description(root.name, "real")
    (root / "dataset.json").write_text('{"name": "made", "kind": "stand-in"}')
    assert describe(root) == Description("made", "stand-in")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "dataset.json: not readable as JSON"),
        ("[]", "found name None, kind None"),
        (
            '{"name": "x", "kind": "fake"}',
            "found name 'x', kind 'fake', expected a text and stand-in or real",
        ),
    ],
)
def test_a_bad_description_is_named(root: Path, content: str, message: str) -> None:
    (root / "dataset.json").write_text(content)
    with pytest.raises(UserError, match=r"dataset\.json: ") as raised:
        describe(root)
    assert message in str(raised.value)
