"""A fault in one file of a set does not hide those of the others; counts are those of the adapters."""

import pytest
from PIL import Image

from papers_lib.companion.data_readers import read_set
from tests.datasets import chexpert_tree, nih_tree, vindr_tree
from tests.datasets.voc_tree import Tree, object_xml


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def has(problems, *parts):
    """One problem for each of ``parts``, and no other."""
    assert len(problems) == len(parts), problems
    for part in parts:
        assert sum(part in line for line in problems) == 1, (part, problems)
    assert all(len(line.splitlines()) == 1 for line in problems)


def test_nih(tmp_path):
    root = nih_tree.write_release(tmp_path / "nih")
    found = read_set(root, "nih")
    has(found.problems, "found no image for the part val")  # too few patients for the share that is cut
    rows = [(f"{k:08d}_000.png", "Mass", k) for k in range(1, 40)]
    root = nih_tree.write_release(
        tmp_path / "more", rows, boxes=[("00000001_000.png", "Mass", 1, 2, 3, 4)], test=9
    )
    found = read_set(root, "nih")
    has(found.problems)
    assert found.counts["boxes"] == "1 on 1 images"
    assert found.counts["patients"] == "39"
    assert found.counts["classes"].startswith("14: Atelectasis 0, ")
    assert found.counts["splits"].endswith(", test 9")
    assert len(found.pictures) == 39
    replace(root / "BBox_List_2017.csv", ",1,2,3,4", ",1,2,-3,4")
    replace(root / "test_list.txt", "00000039_000.png", "00000038_000.png")
    for name in ("00000005_000.png", "00000006_000.png"):
        (root / "images" / name).unlink()
    found = read_set(root, "nih")
    has(
        found.problems,
        "BBox_List_2017.csv line 2: found width -3",
        "test_list.txt line 9: found '00000038_000.png' again",
        "line 6: found no picture '00000005_000.png'",
        "line 7: found no picture '00000006_000.png'",
    )
    assert len(found.pictures) == 37
    assert found.counts["images"].startswith("not counted")


def test_vindr(tmp_path):
    names = [f"i{k}" for k in range(20)]
    root = vindr_tree.tree(tmp_path, *map(vindr_tree.row, names), images=names)
    found = read_set(root, "vindr")
    has(found.problems)
    assert found.counts["boxes"] == "20 on 20 images"
    assert found.counts["patients"] == "not known"
    (root / "train" / "i3.png").unlink()
    replace(root / "train_meta.csv", "i4,80", "i4,-80")
    has(
        read_set(root, "vindr").problems,
        "train.csv line 5: found no image 'i3'",
        "train_meta.csv line 6: dim0: found",
    )
    assert len(read_set(root, "vindr").pictures) == 19


def test_chexpert(tmp_path):
    root = chexpert_tree.write_release(tmp_path / "a" / "CheXpert-v1.0-small")
    found = read_set(root.parent, "chexpert")
    has(found.problems)
    assert found.counts["images"] == "10"
    assert found.counts["patients"] == "8"
    replace(root / "train.csv", "-1.0", "2.0")
    replace(root / "valid.csv", "patient64541/study1", "patient64541/study7")
    found = read_set(root.parent, "chexpert")
    has(found.problems, "train.csv line 3: ", "valid.csv line 2: found no picture valid/patient64541/study7")
    assert len(found.pictures) == 5


@pytest.fixture
def cardiac(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for name in "abc":
            Image.new("L", (4, 3), 1).save(tmp_path / folder / f"{name}.png")
    (tmp_path / "slices.csv").write_text("id,split,class,sex\na,train,NOR,M\nb,val,ARV,\nc,test,NOR,F\n")
    return tmp_path


def test_cardiac(cardiac):
    found = read_set(cardiac, "cardiac")
    has(found.problems)
    assert found.counts["classes"] == "ARV 1, NOR 2"
    assert found.counts["splits"] == "train 1, val 1, test 1"
    assert found.counts["sex label"] == "in 0 masks"
    assert len(found.pictures) == 6
    Image.new("L", (4, 3), 9).save(cardiac / "masks" / "a.png")
    Image.new("L", (4, 3), 0).save(cardiac / "masks" / "c.png")
    (cardiac / "dataset.json").write_text("{")
    has(
        read_set(cardiac, "cardiac").problems, "found value 9", "found no heart", "dataset.json: not readable"
    )


def test_voc(tmp_path):
    tree = Tree(tmp_path)
    for name in "abc":
        tree.add(name, [object_xml("cat", (1, 1, 9, 9)), object_xml("dog", (2, 2, 40, 30))])
    tree.add("t", [object_xml("cat", (1, 1, 9, 9))], "val")
    found = read_set(tree.root, "voc")
    has(found.problems)
    assert found.counts["classes"] == "2: cat 4, dog 3"
    assert found.counts["boxes"] == "7"
    assert found.counts["splits"] == "train 3, val 1"
    annotations = tree.root / "VOC2012" / "Annotations"
    for name in "ab":
        replace(annotations / f"{name}.xml", "<xmin>2<", "<xmin>nan<")
    (annotations / "c.xml").write_text("<annotation>")
    tree.mask("t", [[1] * 40] * 30, mode="RGB")
    has(
        read_set(tree.root, "voc").problems,
        "a.xml: object 2 ('dog'): xmin: found 'nan', expected a number up to 1000000 (and 1 more in train: ",
        "c.xml: found 'no element found",
        "SegmentationObject/t.png: found mode RGB",
    )
