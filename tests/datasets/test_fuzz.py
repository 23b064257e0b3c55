"""Sets, pictures and stores with a few edits in a file: they load with what fits together, or one line names a file."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from papers_lib.datasets.cardiac import load_cardiac
from papers_lib.datasets.fingerprint import data_kind
from papers_lib.datasets.nih_cxr14 import load_nih
from papers_lib.datasets.pictures import read_image, square
from papers_lib.datasets.voc import load_voc
from papers_lib.datasets.voc_crops import part_boxes
from tests.datasets import nih_tree
from tests.datasets.voc_tree import SIZE, Tree, object_xml, part_xml
from tests.fuzz import damaged, flipped, fuzzed, no_hang, refused

WORDS = (
    *(b"No Finding", b"Infiltrate", b"00000001_000.png", b"1040", b"14", b"110", b"-1.0", b"2.0", b"Lateral"),
    *(b"0.3", b"1e-46", b"val", b"synthetic data", b"DCM", b"{", b"1", b"</annotation>", b"<!--"),
    *(b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>', b"<bndbox>", b"&lt;&#0;", b"xmlns:a"),
)


def cardiac(root):
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
        for name in "ab":
            values = np.arange(20, dtype=np.uint8).reshape(4, 5)
            Image.fromarray(values if folder == "images" else values % 6).save(root / folder / f"{name}.png")
    (root / "slices.csv").write_text("id,split,class,sex,note\na,train,NOR,M,1\nb,train,ARV,,x\n")
    (root / "dataset.json").write_text('{"name": "ours", "kind": "real", "more": [1, {"a": null}]}\n')
    return root


def voc(root):
    tree = Tree(root)
    size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>"
    head = part_xml((3, 4, 9, 8))
    tree.add("a", [size, object_xml("cat", (2, 3, 20, 30), head), object_xml("dog", (1, 1, 40.0, 30), "", 1)])
    tree.add("b", [object_xml("dog", (5, 5, 6, 6))])
    tree.add("c", [object_xml("dog", (5, 5, 6, 6))], "val")
    return tree.root


def check(boxes, most=1):
    boxes = np.concatenate([np.zeros((0, 4)), *boxes])
    assert ((boxes >= 0) & (boxes <= most)).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()


def read_cardiac(root):
    refused(lambda: data_kind(root), root / "dataset.json")
    found = load_cardiac(root, "train")
    assert found.heart.any(axis=(1, 2)).all()
    assert found.masks.max() <= 5


def read_voc(root):
    skipped = refused(lambda: load_voc(root, "train", mode="skip"), root)
    strict = refused(lambda: load_voc(root, "train"), root)
    for split in (skipped, strict):
        for record in split.records if split else ():
            check([record.boxes, *part_boxes(record, [])], np.array(SIZE * 2))


SETS = {
    "cardiac": (cardiac, read_cardiac, ("slices.csv", "dataset.json")),
    "nih": (
        nih_tree.write_release,
        lambda root: check(load_nih(root, val_share=0).boxes),
        ("Data_Entry_2017.csv", "BBox_List_2017.csv", "train_val_list.txt", "test_list.txt"),
    ),
    "voc": (voc, read_voc, ("VOC2012/Annotations/a.xml", "VOC2012/ImageSets/Main/train.txt")),
}


@no_hang
@pytest.mark.parametrize("kind", SETS)
@given(data=st.data())
@fuzzed
def test_fuzzed_sets_load_or_are_one_line(tmp_path_factory, kind, data):
    make, read, files = SETS[kind]
    root = make(tmp_path_factory.mktemp("fuzz") / kind)
    path = root / data.draw(st.sampled_from(files))
    path.write_bytes(data.draw(damaged(path.read_bytes(), WORDS)))
    refused(lambda: read(root), root)


GREYS = np.arange(48, dtype=np.uint8).reshape(6, 8)
PICTURES = {
    "PNG L": Image.fromarray(GREYS),
    "PNG I16": Image.fromarray(GREYS.astype(np.uint16) * 900),
    "PNG P": Image.fromarray(GREYS).convert("P"),
    "JPEG RGB": Image.fromarray(GREYS).convert("RGB"),
}


@no_hang
@pytest.mark.parametrize("kind", PICTURES)
@given(data=st.data())
@fuzzed
@pytest.mark.filterwarnings("ignore")  # Pillow's, about what it finds
def test_fuzzed_pictures_are_pixels_or_one_line(tmp_path, kind, data):
    file = io.BytesIO()
    PICTURES[kind].save(file, kind.split()[0])
    path = tmp_path / "a.png"
    path.write_bytes(data.draw(flipped(file.getvalue())))
    found = refused(lambda: read_image(path), path)
    if found is not None and found.mode != "F":
        assert square(found, 3, 1).shape == (3, 3)
