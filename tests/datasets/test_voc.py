"""Pascal VOC splits: boxes worked by hand on a tree written here, each fault, and the real sample."""

from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from PIL import Image

from papers_lib.datasets.voc import load_voc
from papers_lib.datasets.voc_annotations import (
    MAX_BYTES,
    Reason,
    SkipReport,
    VocFault,
    VocObject,
    pixel_box,
)
from papers_lib.datasets.voc_crops import VocCrops
from papers_lib.errors import UserError

SAMPLE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "voc_sample"
SIZE = (40, 30)
LIST = Path("ImageSets", "Main")


def obj(name="cat", box=(1, 1, 20, 10), difficult="0", truncated="0", extra=""):
    keys = ("xmin", "ymin", "xmax", "ymax")
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in zip(keys, box, strict=True))
    flags = f"<truncated>{truncated}</truncated><difficult>{difficult}</difficult>"
    return f"<object><name>{escape(name)}</name>{flags}{extra}<bndbox>{corners}</bndbox></object>"


def xml(*objects, size=SIZE):
    stated = (
        f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>" if size else ""
    )
    return f"<annotation><filename>any.jpg</filename>{stated}{''.join(objects)}</annotation>"


class Tree:
    """Writes a VOC tree: `add` an image with its annotation to a split of a year."""

    def __init__(self, root):
        self.root = root / "VOCdevkit"

    def add(self, name, annotation, split="train", year=2012, picture=True):
        folder = self.root / f"VOC{year}"
        for sub in ("Annotations", "JPEGImages", LIST):
            (folder / sub).mkdir(parents=True, exist_ok=True)
        if annotation is not None:
            data = annotation if isinstance(annotation, bytes) else annotation.encode()
            (folder / "Annotations" / f"{name}.xml").write_bytes(data)
        path = folder / "JPEGImages" / f"{name}.jpg"
        if picture is True:
            Image.new("RGB", SIZE, (200, 100, 50)).save(path)
        elif picture:
            path.write_bytes(picture)
        with (folder / LIST / f"{split}.txt").open("a") as file:
            file.write(f"{name}\n")
        return path


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_boxes_become_zero_based_edges_and_flags_are_kept(tree):
    part = obj("head", (3, 3, 5, 5)).replace("object>", "part>")
    tree.add("a", xml(obj("dog", (1, 2, 40, 30), "1", "0", part), obj("cat", (5.7, 6, 20.25, 10), "0", "1")))
    record = load_voc(tree.root, "train").records[0]
    assert (record.id, record.size, record.names) == ("VOC2012/a", SIZE, ("dog", "cat"))
    assert record.boxes.tolist() == np.float32([[0, 1, 40, 30], [4.7, 5, 20.25, 10]]).tolist()
    assert record.boxes.dtype == np.float32
    assert record.classes.tolist() == [1, 0]
    assert record.difficult.tolist() == [True, False]
    assert record.truncated.tolist() == [False, True]


def test_years_joined_or_chosen_and_root_may_hold_the_devkit(tree, tmp_path):
    tree.add("a", xml(obj("cat")), year=2012)
    tree.add("a", xml(obj("dog")), year=2007)
    tree.add("t", xml(obj("eel")), split="test", year=2007)
    for root in (tree.root, tmp_path):
        assert [r.id for r in load_voc(root, "train").records] == ["VOC2007/a", "VOC2012/a"]
    assert [r.id for r in load_voc(tmp_path, "train", years=[2012]).records] == ["VOC2012/a"]
    # Every split of a root has the same classes, and so the same indices.
    assert load_voc(tmp_path, "test").classes == ("cat", "dog", "eel")
    assert load_voc(tmp_path, "train", years=[2012]).classes == ("cat", "dog", "eel")
    with pytest.raises(
        UserError, match=r"no list ImageSets/Main/test.txt for 2012 \(years that have it: 2007\)"
    ):
        load_voc(tmp_path, "test", years=[2012])


def test_fixed_classes_set_the_order_and_an_unknown_name_is_refused_in_both_modes(tree):
    tree.add("a", xml(obj("dog")))
    assert load_voc(tree.root, "train", classes=["zebra", "dog"]).records[0].classes.tolist() == [1]
    for mode in ("strict", "skip"):
        with pytest.raises(UserError, match=r"a\.xml: found class 'dog', expected one of"):
            load_voc(tree.root, "train", classes=["cat"], mode=mode)


def test_difficult_boxes_can_be_left_out(tree):
    tree.add("a", xml(obj("cat", difficult="1"), obj("dog")))
    tree.add("b", xml(obj("cat", difficult="1")))
    assert sum(len(r.boxes) for r in load_voc(tree.root, "train").records) == 3
    easy = load_voc(tree.root, "train", difficult=False)
    assert [r.names for r in easy.records] == [("dog",)]
    assert (easy.classes, easy.report.boxes[Reason.DIFFICULT]) == (("cat", "dog"), 2)
    assert easy.report.images[Reason.DIFFICULT] == 1


def test_a_box_one_pixel_out_is_rounding_and_a_size_of_zero_is_unknown(tree):
    tree.add("a", xml(obj(box=(0, 0, 41, 30.5)), size=(0, 0)))
    assert load_voc(tree.root, "train").records[0].boxes.tolist() == [[0, 0, 40, 30]]


BOMB = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><annotation><name>&y;</name></annotation>'
FAULTS = {  # annotation, picture, reason, whether the image (or only its box) is counted, message
    "no file": (None, True, Reason.NO_ANNOTATION, "image", "no such file"),
    "not xml": (b"\x00\xff nonsense", True, Reason.MALFORMED, "image", "expected XML"),
    "cut off": (xml(obj())[:-9], True, Reason.MALFORMED, "image", "expected XML"),
    "encoding": (
        b"<?xml version='1.0' encoding='klingon'?><a/>",
        True,
        Reason.MALFORMED,
        "image",
        "expected XML",
    ),
    "bomb": (BOMB, True, Reason.MALFORMED, "image", "found a DTD"),
    "dtd": ('<!DOCTYPE a SYSTEM "a.dtd"><annotation/>', True, Reason.MALFORMED, "image", "found a DTD"),
    "root": ("<html/>", True, Reason.MALFORMED, "image", "found root 'html'"),
    "large": (b" " * (MAX_BYTES + 1), True, Reason.MALFORMED, "image", "found over 1000000 bytes"),
    "empty": (xml(), True, Reason.EMPTY, "image", "no <object>"),
    "no name": (xml(obj(name="")), True, Reason.MALFORMED, "box", "found name ''"),
    "two lines": (xml(obj(name="a\nb")), True, Reason.MALFORMED, "box", r"found name 'a\\nb'"),
    "no box": (xml("<object><name>cat</name></object>"), True, Reason.MALFORMED, "box", "no <bndbox>"),
    "flag": (xml(obj(difficult="maybe")), True, Reason.MALFORMED, "box", "found difficult 'maybe'"),
    "nan": (xml(obj(box=("nan", 1, 5, 5))), True, Reason.BAD_NUMBER, "box", "xmin: found 'nan'"),
    "huge": (xml(obj(box=(1, 1, "9" * 9000, 5))), True, Reason.BAD_NUMBER, "box", "xmax: found '999"),
    "infinite": (xml(obj(box=(1, 1, 5, "1e999"))), True, Reason.BAD_NUMBER, "box", "ymax: found '1e999'"),
    "word": (xml(obj(box=(1, "left", 5, 5))), True, Reason.BAD_NUMBER, "box", "ymin: found 'left'"),
    "swapped": (xml(obj(box=(9, 1, 5, 5))), True, Reason.NO_AREA, "box", "expected xmin < xmax"),
    "flat": (xml(obj(box=(5, 7, 9, 7))), True, Reason.NO_AREA, "box", "ymin < ymax"),
    "outside": (xml(obj(box=(50, 1, 60, 5))), True, Reason.OUTSIDE, "box", "expected it inside 1…40 x 1…30"),
    "no image": (xml(obj()), None, Reason.NO_IMAGE, "image", r"bad\.jpg: found no such file"),
    "not an image": (xml(obj()), b"GIF89a", Reason.CORRUPT, "image", "cannot be decoded"),
    "size": (
        xml(obj(), size=(30, 40)),
        True,
        Reason.WRONG_SIZE,
        "image",
        r"size \(30, 40\), expected \(40, 30\)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_stops_strict_mode_with_one_line_and_is_counted_in_skip_mode(tree, fault):
    annotation, picture, reason, level, message = FAULTS[fault]
    tree.add("good", xml(obj("cat")))
    tree.add("bad", annotation, picture=picture)
    with pytest.raises(UserError, match=message) as caught:
        load_voc(tree.root, "train")
    assert "bad." in str(caught.value)
    assert "\n" not in str(caught.value)
    split = load_voc(tree.root, "train", mode="skip")
    assert [r.id for r in split.records] == ["VOC2012/good"]
    assert (split.report.listed, split.report.usable) == (2, 1)
    if level == "image":
        assert (dict(split.report.images), dict(split.report.boxes)) == ({reason: 1}, {})
    else:
        assert split.report.boxes == {reason: 1}
        assert split.report.images == {Reason.NO_BOX_LEFT: 1}
    assert str(caught.value) == split.report.examples[reason]
    assert f"{level}: {reason} 1" in split.report.summary()


def test_a_bad_box_leaves_the_others_of_its_image(tree):
    tree.add("a", xml(obj("cat", (9, 1, 5, 5)), obj("dog", (21, 11, 60, 25))))
    split = load_voc(tree.root, "train", mode="skip")
    assert split.records[0].boxes.tolist() == [[20, 10, 40, 25]]  # reaches out: clipped and counted
    assert split.report.boxes == {Reason.NO_AREA: 1, Reason.CLIPPED: 1}
    assert split.classes == ("cat", "dog")  # the list of classes does not hang on which boxes are usable
    with pytest.raises(UserError, match="reaching out of the picture"):
        pixel_box(VocObject("dog", (21, 11, 60, 25), False, False), SIZE, "a.xml", SkipReport())


def test_a_truncated_picture_is_found_when_decoded_or_up_front(tree):
    path = tree.add("a", xml(obj()))
    noise = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-400])  # the header is whole, the pixels are not
    split = load_voc(tree.root, "train")
    with pytest.raises(UserError, match=r"a\.jpg: cannot be decoded"):
        VocCrops(split, 8, 0)[0]
    with pytest.raises(UserError, match=r"a\.jpg: cannot be decoded"):
        load_voc(tree.root, "train", verify_images=True)
    with pytest.raises(UserError, match=r"0 images usable \(0 of 1 images usable; image: corrupt image 1\)"):
        load_voc(tree.root, "train", mode="skip", verify_images=True)


@pytest.mark.parametrize(
    ("line", "reason"), [("a", Reason.LISTED_TWICE), ("../a", Reason.BAD_ID), ("a\x01", Reason.BAD_ID)]
)
def test_list_lines_that_repeat_or_lead_out_of_the_folder(tree, line, reason):
    tree.add("a", xml(obj()))
    with (tree.root / "VOC2012" / LIST / "train.txt").open("a") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(VocFault, match=r"train\.txt: found") as caught:
        load_voc(tree.root, "train")
    assert caught.value.reason is reason
    assert load_voc(tree.root, "train", mode="skip").report.images == {reason: 1}


def test_wrong_arguments_name_the_parameter(tree, tmp_path):
    with pytest.raises(UserError, match="expected a VOCdevkit"):
        load_voc(tmp_path / "nowhere", "train")
    tree.add("a", xml(obj()))
    with pytest.raises(UserError, match="give the folder above it"):
        load_voc(tree.root / "VOC2012", "train")
    bad = {"split": "valid", "mode": "lenient", "classes": ["cat", "cat"], "years": 2012}
    for name, value in bad.items():
        with pytest.raises(UserError, match=f"^{name}: found"):
            load_voc(tree.root, **({"split": "train"} | {name: value}))
    (tree.root / "VOC2012" / LIST / "train.txt").write_text("")
    with pytest.raises(UserError, match="0 images usable"):
        load_voc(tree.root, "train", mode="skip")


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the shared VOC sample is not on this machine")
def test_the_shared_sample():
    train, val = (load_voc(SAMPLE, split) for split in ("train", "val"))
    assert (len(train), len(val)) == (575, 242)
    assert len(train.classes) == 10
    assert train.classes == val.classes
    records = train.records + val.records
    assert len({r.id for r in records}) == 817
    assert sorted({len(r.boxes) for r in records}) == [1, 2, 3]
    for r in records:
        assert (r.boxes[:, :2] >= 0).all()
        assert (r.boxes[:, 2:] <= r.size).all()
        assert (r.boxes[:, :2] < r.boxes[:, 2:]).all()
    data = VocCrops(val, side=32, seed=0)
    for i in range(len(data)):
        item = data[i]
        assert item.image.float().std() > 0  # a photograph, not one colour
        assert item.boxes.tolist() == [[0, 0, 32, 32]]
