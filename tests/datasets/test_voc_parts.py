"""Boxes of parts, matched to the objects that a split kept."""

import pytest

from papers_lib.datasets.voc import load_voc
from papers_lib.datasets.voc_annotations import Reason, SkipReport
from papers_lib.datasets.voc_parts import annotation_path, part_boxes, written_objects
from papers_lib.errors import UserError
from tests.datasets.voc_tree import Tree, object_xml, part_xml

CAT, DOG = (1, 1, 20, 10), (11, 2, 30, 28)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def record_of(tree, objects, **settings):
    tree.add("a", objects)
    return load_voc(tree.root, "train", **settings).records[0]


def test_parts_are_zero_based_edges_in_the_order_of_objects_and_file(tree):
    parts = part_xml((3, 4, 5, 6)) + part_xml((7.5, 8, 9, 10))
    found = part_boxes(
        record_of(
            tree,
            [
                object_xml("dog", DOG),
                object_xml("cat", CAT, parts),
                object_xml("dog", DOG, part_xml(DOG)),
            ],
        )
    )
    assert [boxes.shape for boxes in found] == [(0, 4), (2, 4), (1, 4)]
    assert {str(boxes.dtype) for boxes in found} == {"float32"}
    assert found[1].tolist() == [[2, 3, 5, 6], [6.5, 7, 9, 10]]
    assert found[2].tolist() == [[10, 1, 30, 28]]


def test_objects_left_out_do_not_shift_the_parts_of_the_others(tree):
    objects = [
        object_xml("cat", CAT, part_xml((1, 1, 2, 2)), difficult=1),
        object_xml("cat", (9, 9, 5, 5), part_xml((1, 1, 3, 3))),  # no area: refused in mode "skip"
        object_xml("", CAT, part_xml((1, 1, 4, 4))),  # no name: refused
        object_xml("cat", CAT, part_xml((1, 1, 5, 5))),
        object_xml("cat", (21, 11, 60, 25), part_xml((1, 1, 6, 6))),  # clipped
        object_xml("cat", CAT, part_xml((1, 1, 7, 7))),  # the same once more
    ]
    record = record_of(tree, objects, mode="skip", difficult=False)
    assert [boxes.tolist() for boxes in part_boxes(record)] == [[[0, 0, n, n]] for n in (5, 6, 7)]
    items, written = written_objects(record)
    assert ([item.row for item in items], written) == ([4, 5, 6], 6)


def test_a_part_that_reaches_out_is_clipped(tree):
    record = record_of(tree, [object_xml("cat", CAT, part_xml((-9, 5, 70, 90)))])
    assert part_boxes(record)[0].tolist() == [[0, 4, 40, 30]]


FAULTS = {
    "swapped": (part_xml((9, 1, 5, 5)), Reason.NO_AREA, r"expected xmin < xmax"),
    "outside": (part_xml((50, 1, 60, 5)), Reason.OUTSIDE, r"outside the picture"),
    "nan": (part_xml(("nan", 1, 5, 5)), Reason.BAD_NUMBER, r"xmin: found 'nan'"),
    "huge": (part_xml((1, 1, "9" * 5000, 5)), Reason.BAD_NUMBER, r"xmax: found '999"),
    "no box": ("<part><name>head</name></part>", Reason.MALFORMED, r"no <bndbox>"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_file_object_and_part_or_is_counted(tree, fault):
    xml, reason, message = FAULTS[fault]
    good = part_xml((1, 1, 2, 2))
    record = record_of(tree, [object_xml("dog", DOG), object_xml("cat", CAT, good + xml + good)])
    with pytest.raises(UserError, match=rf"a\.xml: object 2 \('cat'\): part 2.*{message}") as caught:
        part_boxes(record)
    assert "\n" not in str(caught.value)
    report = SkipReport("skip")
    assert [len(boxes) for boxes in part_boxes(record, report)] == [0, 2]
    assert report.boxes == {reason: 1}


def test_an_annotation_that_changed_or_went_is_named(tree):
    record = record_of(tree, [object_xml("cat", CAT)])
    tree.add("a", [object_xml("cat", DOG)], split="other")
    with pytest.raises(UserError, match=r"a\.xml: found no 'cat' at \[0\.0, 0\.0, 20\.0, 10\.0\]"):
        part_boxes(record)
    annotation_path(record).unlink()
    with pytest.raises(UserError, match=r"a\.xml: found no such file"):
        part_boxes(record)
