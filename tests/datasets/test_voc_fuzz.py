"""A VOC tree with a few edits in its list or an annotation: boxes that are boxes, or one line that names a file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.datasets.voc import load_voc
from papers_lib.datasets.voc_annotations import SkipReport
from papers_lib.datasets.voc_parts import part_boxes
from tests.datasets.voc_tree import SIZE, Tree, object_xml, part_xml
from tests.fuzz import damaged, fuzzed, no_hang, refused

FILES = ("Annotations/a.xml", "ImageSets/Main/train.txt")
WORDS = (
    b"</annotation>",
    b"<bndbox>",
    b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
    b'<?xml version="1.0" encoding="utf-7"?>',
    b"&lt;&#0;",
    b"<![CDATA[",
    b"<!--",
    b"41",
    b"xmlns:a",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("voc"))
    head = part_xml((3, 4, 9, 8))
    size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>"
    tree.add("a", [size, object_xml("cat", (2, 3, 20, 30), head), object_xml("dog", (1, 1, 40.0, 30), "", 1)])
    tree.add("b", [object_xml("dog", (5, 5, 6, 6))])
    return tree.root


@no_hang
@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@fuzzed
def test_fuzzed_trees_load_or_are_one_line(root, name, data):
    path = root / "VOC2012" / name
    good = path.read_bytes()
    path.write_bytes(data.draw(damaged(good, WORDS)))
    try:
        for mode in ("strict", "skip"):
            found = refused(lambda mode=mode: load_voc(root, "train", mode=mode), root)
            for record in found.records if found else ():
                check(record.boxes)
                for boxes in part_boxes(record, SkipReport("skip")):
                    check(boxes)
    finally:
        path.write_bytes(good)


def check(boxes):
    assert ((boxes >= 0) & (boxes <= np.array(SIZE * 2))).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
