import numpy as np
import pytest
from PIL import Image

from papers_lib.datasets.cardiac import load_cardiac
from papers_lib.errors import UserError

MASK = np.array([[0, 0, 0, 5], [0, 1, 2, 0], [0, 3, 4, 0]], np.uint8)
IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
ROWS = ("a,train,NOR,M", "b,train,HCM,F", "c,test,ARV,")


@pytest.fixture
def root(tmp_path):
    for folder, array in (("images", IMAGE), ("masks", MASK)):
        (tmp_path / folder).mkdir()
        for name in "abc":
            Image.fromarray(array).save(tmp_path / folder / f"{name}.png")
    return table(tmp_path)


def table(root, *rows, header="id,split,class,sex"):
    (root / "slices.csv").write_text("\n".join([header, *(rows or ROWS)]) + "\n")
    return root


def test_a_split_in_the_order_of_the_table(root):
    found = load_cardiac(root, "train")
    assert found.ids == ("a", "b")
    assert (found.images == IMAGE).all()
    assert (found.masks == MASK).all()
    assert (found.classes.tolist(), found.sex.tolist()) == ([0, 1], [1, 0])
    assert [found.images.dtype, found.classes.dtype, found.sex.dtype] == [np.uint8, np.int64, np.uint8]
    assert (found.heart == ((MASK > 0) & (MASK < 5))).all()
    assert (found.label_box == (MASK == 5)).all()
    assert load_cardiac(root, "test").sex.tolist() == [255]


def test_grey_stored_as_rgb_and_a_mask_with_a_palette(root):
    Image.fromarray(IMAGE).convert("RGB").save(root / "images/a.png")
    mask = Image.fromarray(MASK)
    mask.putpalette([9, 9, 9] * 6)
    mask.save(root / "masks/a.png")
    found = load_cardiac(root, "train")
    assert (found.images[0] == IMAGE).all()
    assert (found.masks[0] == MASK).all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["../a,train,NOR,M"], "line 2: id: found '../a', expected a file name"),
        (["a,dev,NOR,M"], "line 2: split: found 'dev', expected one of train, val, test"),
        (["a,train,NOR,m"], "line 2: sex: found 'm', expected one of F, M, empty"),
        (["c,test,NOR,M"], "found no row of split 'train' (rows: test 1)"),
        (["d,train,NOR,M"], "d.png"),
    ],
)
def test_faults_of_the_table(root, rows, message):
    with pytest.raises(UserError) as error:
        load_cardiac(table(root, *rows), "train")
    assert message in str(error.value)


def png(array, mode=None):
    picture = Image.fromarray(np.asarray(array, np.uint8))
    return picture.convert(mode) if mode else picture


@pytest.mark.parametrize(
    ("name", "picture", "message"),
    [
        ("images/b.png", png(IMAGE[:2]), "masks/b.png"),
        ("images/b.png", png(np.stack([IMAGE, IMAGE, 255 - IMAGE], 2)), "found an image in colour"),
        ("masks/b.png", png(MASK + 1), "found value 6, expected 0 to 5"),
        ("masks/b.png", png(MASK, "RGB"), "found mode RGB, expected an 8-bit mask"),
    ],
)
def test_faults_of_a_picture_name_it_and_its_row(root, name, picture, message):
    picture.save(root / name)
    with pytest.raises(UserError) as error:
        load_cardiac(root, "train")
    assert message in str(error.value)
    assert f"{root / 'slices.csv'} line 3" in str(error.value)


def test_one_size_a_split_and_files_that_are_none(root):
    for folder in ("images", "masks"):
        whole = Image.open(root / folder / "b.png").resize((8, 6), Image.Resampling.NEAREST)
        whole.save(root / folder / "b.png")
    with pytest.raises(UserError, match="found 6 x 8 pixels, expected 3 x 4 pixels as the first image"):
        load_cardiac(root, "train")
    (root / "images/b.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"b\.png .* not a readable PNG image"):
        load_cardiac(root, "train")
    with pytest.raises(UserError, match="split: found 'all'"):
        load_cardiac(root, "all")
    with pytest.raises(UserError, match="no such folder"):
        load_cardiac(root / "none", "train")
