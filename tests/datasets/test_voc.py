import numpy as np
import pytest

from papers_lib.datasets.voc import load_voc, splits_of, voc_boxed
from papers_lib.datasets.voc_crops import mask_in_frame, object_masks, part_boxes
from papers_lib.errors import UserError
from tests.datasets.voc_tree import SIZE, Tree, object_xml, part_xml

CAT, DOG = object_xml("cat", (2, 3, 20, 30)), object_xml("dog", (1, 1, 40, 30), difficult=1)


@pytest.fixture
def tree(tmp_path):
    tree = Tree(tmp_path)
    tree.add("a", [CAT, DOG])
    tree.add("b", [object_xml("dog", (5.5, 5, 6.5, 6))])
    tree.add("c", [object_xml("ant", (1, 1, 9, 9))], "val")
    return tree


def test_boxes_become_zero_based_edges_and_flags_are_kept(tree):
    found = load_voc(tree.root, "train")
    assert found.classes == ("ant", "cat", "dog")  # of all lists, sorted
    first, second = found.records
    assert (first.id, first.size, first.names) == ("VOC2012/a", SIZE, ("cat", "dog"))
    assert first.boxes.tolist() == [[1, 2, 20, 30], [0, 0, 40, 30]]
    assert first.boxes.dtype == np.float32
    assert (first.classes.tolist(), first.difficult.tolist()) == ([1, 2], [False, True])
    assert second.boxes.tolist() == [[4.5, 4, 6.5, 6]]
    assert load_voc(tree.root.parent, "train").classes == found.classes  # a folder that holds it


def test_years_are_joined_or_chosen(tree):
    tree.add("a", [object_xml("bee", (1, 1, 5, 5))], year=2007)
    assert [r.id for r in load_voc(tree.root, "train").records] == ["VOC2007/a", "VOC2012/a", "VOC2012/b"]
    assert [r.id for r in load_voc(tree.root, "train", years=[2007]).records] == ["VOC2007/a"]
    for years, message in (([1999], "for 1999 .years that have it: 2007, 2012"), (2007, "expected a list")):
        with pytest.raises(UserError, match=message):
            load_voc(tree.root, "train", years=years)


def test_fixed_classes_and_difficult_boxes(tree):
    found = load_voc(tree.root, "train", classes=["dog", "cat"])
    assert found.records[0].classes.tolist() == [1, 0]
    for mode in ("strict", "skip"):
        with pytest.raises(UserError, match="found class 'cat', expected one of"):
            load_voc(tree.root, "train", classes=["dog"], mode=mode)
    tree.add("d", [DOG])
    easy = load_voc(tree.root, "train", difficult=False)
    assert [record.names for record in easy.records] == [("cat",), ("dog",)]
    assert easy.left_out == ()


BOX_FAULTS = {
    "no number": (object_xml("cat", ("x", 1, 9, 9)), "object 1 ('cat'): xmin: found 'x'"),
    "no area": (object_xml("cat", (5, 1, 5, 9)), "expected xmin < xmax"),
    "outside": (object_xml("cat", (50, 1, 60, 9)), "outside the picture"),
    "reaching out": (object_xml("cat", (1, 1, 60, 9)), "reaching out of the picture"),
    "no box": ("<object><name>cat</name></object>", "no <bndbox>"),
    "a flag": (object_xml("cat", (1, 1, 5, 5), difficult="x"), "found difficult 'x'"),
}


@pytest.mark.parametrize("fault", BOX_FAULTS)
def test_a_bad_box_stops_or_is_left_out(tree, fault):
    xml, message = BOX_FAULTS[fault]
    tree.add("d", [xml, object_xml("dog", (1, 1, 5, 5))])
    with pytest.raises(UserError) as error:
        load_voc(tree.root, "train")
    assert message in str(error.value)
    assert "d.xml" in str(error.value)
    found = load_voc(tree.root, "train", mode="skip")
    assert found.left_out == (str(error.value),)
    clipped = ("cat", "dog") if fault == "reaching out" else ("dog",)
    assert found.records[2].names == clipped


def xml(text):
    return lambda tree: tree.joinpath("Annotations/b.xml").write_text(text)


LIST = "ImageSets/Main/train.txt"
NINE = "<width>9</width><height>9</height>"
IMAGE_FAULTS = {
    "no annotation": (lambda tree: tree.joinpath("Annotations/b.xml").unlink(), "b.xml: found no such file"),
    "no XML": (xml("x"), "expected XML"),
    "a bomb": (xml('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "found a DTD"),
    "too large": (xml(" " * 1_000_001), "over 1000000"),
    "no object": (xml("<annotation/>"), "found no <object>"),
    "another size": (xml(f"<annotation><size>{NINE}</size></annotation>"), "found size (9, 9)"),
    "no picture": (lambda tree: tree.joinpath("JPEGImages/b.png").unlink(), "b.jpg: found no such file"),
    "corrupt": (lambda tree: tree.joinpath("JPEGImages/b.png").write_bytes(b"x"), "cannot be decoded"),
    "twice": (lambda tree: tree.joinpath(LIST).write_text("a\n\na\n"), "'a' twice"),
    "elsewhere": (lambda tree: tree.joinpath(LIST).write_text("a\n../b\n"), "found '../b'"),
}


@pytest.mark.parametrize("fault", IMAGE_FAULTS)
def test_a_bad_image_stops_or_is_left_out(tree, fault):
    spoil, message = IMAGE_FAULTS[fault]
    spoil(tree.root / "VOC2012")
    with pytest.raises(UserError) as error:
        load_voc(tree.root, "train")
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    found = load_voc(tree.root, "train", mode="skip")
    assert [record.id for record in found.records] == ["VOC2012/a"]
    assert found.left_out == (str(error.value),)


def test_arguments_and_folders_that_are_none(tree, tmp_path):
    for options, message in (
        ({"mode": "x"}, "mode: found 'x'"),
        ({"split": "dev"}, "split: found 'dev'"),
        ({"classes": "cat"}, "classes: found 'cat'"),
        ({"split": "test"}, "found no list ImageSets/Main/test.txt"),
    ):
        with pytest.raises(UserError, match=message):
            load_voc(tree.root, **({"split": "train"} | options))
    with pytest.raises(UserError, match="give the folder above it"):
        load_voc(tree.root / "VOC2012", "train")
    (tree.root / "VOC2012/JPEGImages/a.png").unlink()
    (tree.root / "VOC2012/JPEGImages/b.png").unlink()
    with pytest.raises(UserError, match="0 images usable"):
        load_voc(tree.root, "train", mode="skip")


# As boxed images


def test_pictures_with_several_classes(tree):
    found = voc_boxed(tree.root, val_share=0)
    assert found.split.tolist() == ["train", "train", "test"]
    assert found.labels.tolist() == [[False, True, True], [False, False, True], [True, False, False]]
    assert found.boxes[0].tolist() == np.float32([[1 / 40, 2 / 30, 0.5, 1], [0, 0, 1, 1]]).tolist()
    assert found.where[0] == str(tree.root / "VOC2012/Annotations/a.xml")
    for k in range(8):
        tree.add(f"e{k}", [CAT])
    cut = voc_boxed(tree.root, val_share=0.3)
    assert [(cut.split == part).sum() for part in ("train", "val", "test")] == [7, 3, 1]


def test_lists_to_train_and_test_on(tree):
    assert splits_of(tree.root) == {"train": "train", "test": "val"}
    with pytest.raises(UserError, match=r"found no list ImageSets/Main/test\.txt"):
        voc_boxed(tree.root, validation="own")
    tree.add("e", [CAT], "test")
    assert voc_boxed(tree.root, validation="own").split.tolist() == ["train", "train", "val", "test"]
    tree.add("f", [CAT], "trainval")
    assert splits_of(tree.root) == {"train": "trainval", "test": "test"}
    tree.add("f", [CAT], "test")
    for message, options in (
        ("found VOC2012/f in both lists", {"val_share": 0}),
        ("validation: found 'x'", {"validation": "x"}),
        ("val_share: found 1.5", {"val_share": 1.5}),
    ):
        with pytest.raises(UserError, match=message):
            voc_boxed(tree.root, **options)


# Parts, masks, frames


def test_parts_stay_with_their_objects(tmp_path):
    tree = Tree(tmp_path)
    parts = part_xml((3, 4, 9, 8)) + part_xml((30, 20, 50, 40))
    tree.add("a", [object_xml("cat", (1, 1, 9, 9), difficult=1), object_xml("dog", (2, 2, 40, 30), parts)])
    (record,) = load_voc(tree.root, "train", difficult=False).records
    (boxes,) = part_boxes(record)
    assert boxes.tolist() == [[2, 3, 9, 8], [29, 19, 40, 30]]  # the second is clipped
    tree.add("b", [object_xml("cat", (1, 1, 9, 9), part_xml((5, 5, 5, 9)))])
    record = load_voc(tree.root, "train").records[1]
    with pytest.raises(UserError, match=r"b\.xml: object 1 \('cat'\): part 1: found box"):
        part_boxes(record)
    left_out: list[str] = []
    assert part_boxes(record, left_out)[0].shape == (0, 4)
    assert len(left_out) == 1


def test_a_number_is_the_place_in_the_annotation_and_void_belongs_to_nobody(tree):
    record = load_voc(tree.root, "train").records[0]
    assert object_masks(record) is None
    numbers = np.zeros((30, 40), np.uint8)
    numbers[3:9, 2:7], numbers[20:, 30:], numbers[0] = 1, 255, 255
    tree.mask("a", numbers)
    cat, dog = object_masks(record)
    assert (cat == (numbers == 1)).all()
    assert not dog.any()  # difficult, so it may be void
    (alone,) = object_masks(load_voc(tree.root, "train", difficult=False).records[0])
    assert (alone == cat).all()


@pytest.mark.parametrize(
    ("numbers", "mode", "message"),
    [
        (np.full((30, 40), 2), "P", "found no pixel of object number 1 ('cat')"),
        (np.full((30, 40), 3), "P", "found object number 3, expected 1 to 2"),
        (np.ones((30, 39)), "P", "found size (39, 30)"),
        (np.ones((30, 40)), "RGB", "found mode RGB"),
    ],
)
def test_faults_of_a_mask_name_the_file(tree, numbers, mode, message):
    path = tree.mask("a", numbers, mode)
    record = load_voc(tree.root, "train").records[0]
    with pytest.raises(UserError) as error:
        object_masks(record)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    path.write_bytes(b"x")
    with pytest.raises(UserError, match="cannot be decoded"):
        object_masks(record)


def test_cells_are_those_covered_by_half():
    side = 5
    mask = np.random.default_rng(side).random((4 * side, 6 * side)) < 0.5
    frame = (0, 0, 6 * side, 4 * side)
    share = mask.reshape(side, 4, side, 6).mean((1, 3))
    assert (mask_in_frame(mask, frame, side) == (share >= min(0.5, share.max()))).all()
    thin = np.zeros((40, 40), bool)
    thin[7, 3] = True
    assert mask_in_frame(thin, (0, 0, 40, 40), 4).sum() == 1
    assert mask_in_frame(thin, (10, 10, 40, 40), 4) is None
