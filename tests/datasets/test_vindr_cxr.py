import numpy as np
import pytest

from papers_lib.datasets.vindr_cxr import CLASSES, load_vindr, missing_images
from papers_lib.errors import UserError
from tests.datasets.dicom_files import write_dicom
from tests.datasets.vindr_tree import healthy, load, row, tree

HEART, FLUID = CLASSES.index("Cardiomegaly"), CLASSES.index("Pleural effusion")
READ = (
    row("b", "Cardiomegaly", reader="R1", box=(25, 0, 50, 80)),
    row("b", "Cardiomegaly", reader="R2", box=(20, 8, 50, 80)),
    row("b", "Pleural effusion", reader="R2", box=(0, 40, 100, 80)),
    healthy("b", "R3"),
    healthy("a"),
)


@pytest.mark.parametrize("kind", ["png", "dicom", "dcm"])
def test_boxes_are_shares_of_the_original_and_readers_are_joined(tmp_path, kind):
    found = load(tree(tmp_path, *READ, images="ab", kind=kind))
    assert found.names == ("a", "b")
    assert found.labels[0].sum() == 0
    assert np.flatnonzero(found.labels[1]).tolist() == [HEART, FLUID]
    assert found.box_classes[1].tolist() == [HEART, HEART, FLUID]
    assert found.boxes[1][0].tolist() == [0.25, 0, 0.5, 1]
    assert found.where == (f"{tmp_path / 'train.csv'} line 6", f"{tmp_path / 'train.csv'} line 2")
    assert found.patients is None


def test_a_majority_of_readers(tmp_path):
    found = load(tree(tmp_path, *READ, images="ab"), min_readers=2)
    assert np.flatnonzero(found.labels[1]).tolist() == [HEART]
    assert found.box_classes[1].tolist() == [HEART, HEART]
    assert not load(tmp_path, min_readers=3).labels.any()


def test_of_two_files_the_dicom_counts(tmp_path):
    root = tree(tmp_path, row("a", box=(0, 0, 200, 100)), images="a")
    write_dicom(root / "train" / "a.dicom", np.arange(20000).reshape(100, 200))
    assert load(root).boxes[0].tolist() == [[0, 0, 1, 1]]


def test_the_split_is_by_image_and_of_the_shares(tmp_path):
    names = [f"i{k:03d}" for k in range(100)]
    root = tree(tmp_path, *(healthy(name) for name in names), images=names)
    found = load_vindr(root)
    assert [(found.split == part).sum() for part in ("train", "val", "test")] == [70, 10, 20]
    assert load_vindr(root, seed=1).split.tolist() != found.split.tolist()


def test_pictures_that_are_not_there(tmp_path):
    root = tree(tmp_path, healthy("a"), row("gone"), healthy("b"), images="ab")
    with pytest.raises(UserError) as error:
        load(root)
    assert "line 3: found no image 'gone'" in str(error.value)
    assert "1 of 3 are not there" in str(error.value)
    assert load(root, missing="skip").names == ("a", "b")
    assert missing_images(root) == ["gone"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (row("../a"), "image_id: found '../a', expected a file name"),
        (row("a", number=4), "class_id: found '4', expected 3 for Cardiomegaly"),
        (row("a", "No finding", box=(1, 2, 3, 4)), "x_min: found 1, expected it empty for No finding"),
        (row("a", box=None), "x_min: found '', expected a box for Cardiomegaly"),
        (row("a", box=(1, 2, "x", 4)), "x_max: found 'x', expected a number"),
        (row("a", box=(5, 2, 5, 4)), "expected x_max and y_max to be greater"),
        (row("a", box=(0, 0, 111, 80)), "expected it inside the image's width 100 and height 80"),
    ],
)
def test_faults_of_a_row_name_its_line(tmp_path, wrong, message):
    root = tree(tmp_path, healthy("b"), wrong, images="ab")
    with pytest.raises(UserError) as error:
        load(root)
    assert f"{root / 'train.csv'} line 3: " in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize("suffix", ["png", "dicom"])
def test_a_file_that_is_no_image_is_named_with_its_row(tmp_path, suffix):
    root = tree(tmp_path, row("a"), images="a", kind=suffix)
    (root / "train" / f"a.{suffix}").write_bytes(b"no image")
    with pytest.raises(UserError) as error:
        load(root)
    assert f"a.{suffix}: cannot be decoded" in str(error.value)
    assert str(error.value).endswith(f"(listed in {root / 'train.csv'} line 2)")


def test_arguments_and_folders(tmp_path):
    root = tree(tmp_path, row("a"), images="a")
    for options in ({"min_readers": 0}, {"min_readers": True}, {"missing": "x"}):
        with pytest.raises(UserError, match=f"{next(iter(options))}: found"):
            load(root, **options)
    with pytest.raises(UserError, match="none of them for the part"):
        load_vindr(root)
    with pytest.raises(UserError, match="no such folder"):
        load_vindr(tmp_path / "none")
    assert load(root).boxes[0][0].tolist()[1:] == [0.25, 0.5, 0.5]
