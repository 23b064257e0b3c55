"""VOC's pictures as a list with boxes: shares worked by hand, and which list becomes which part."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from papers_lib.datasets.image_store import StoreSpec, load_images, write_images
from papers_lib.datasets.voc_boxed import voc_boxed
from papers_lib.errors import UserError
from tests.datasets.voc_tree import Tree, object_xml

SAMPLE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "voc_sample"


@pytest.fixture
def tree(tmp_path):
    """Ten pictures of 40 x 30 to train on and two to validate on; the first has three boxes of two classes."""
    tree = Tree(tmp_path)
    cats = [object_xml("cat", (5, 4, 24, 12)), object_xml("cat", (1, 1, 40, 30))]
    tree.add("a", [*cats, object_xml("dog", (21, 16, 30, 30), difficult=1)])
    for name in "bcdefghij":
        tree.add(name, [object_xml("dog", (1, 1, 20, 15))])
    for name in "uv":
        tree.add(name, [object_xml("eel", (1, 1, 8, 6))], "val")
    return tree


def test_boxes_are_shares_and_labels_their_classes(tree):
    found = voc_boxed(tree.root, val_share=0)
    assert found.classes == ("cat", "dog", "eel")
    assert found.names[:2] == ("VOC2012/a", "VOC2012/b")
    assert found.paths[0] == tree.root / "VOC2012/JPEGImages/a.png"
    assert found.where[0] == str(tree.root / "VOC2012/Annotations/a.xml")
    # VOC's (5, 4, 24, 12) is pixels 4 to 24 of 40 and 3 to 12 of 30
    expected = [[0.1, 0.1, 0.6, 0.4], [0, 0, 1, 1], [0.5, 0.5, 0.75, 1]]
    assert np.allclose(found.boxes[0], expected, atol=1e-7)
    assert (found.boxes[0].dtype, found.boxes[0][1].tolist()) == (np.float32, [0, 0, 1, 1])
    assert found.box_classes[0].tolist() == [0, 0, 1]
    assert found.labels[[0, 1, 10]].tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert found.patients is None
    assert Counter(found.split.tolist()) == {"train": 10, "test": 2}
    assert voc_boxed(tree.root, val_share=0, difficult=False).labels[0].tolist() == [True, False, False]


def test_validation_is_cut_from_the_training_list(tree):
    found = voc_boxed(tree.root, val_share=0.3)
    assert Counter(found.split.tolist()) == {"train": 7, "val": 3, "test": 2}
    assert (found.split == voc_boxed(tree.root, val_share=0.3).split).all()
    assert any((found.split != voc_boxed(tree.root, val_share=0.3, seed=s).split).any() for s in (1, 2))
    assert {"VOC2012/u", "VOC2012/v"} == set(found.part("test").names)
    with pytest.raises(UserError, match=r"found 10 pictures to train on, too few to cut 0\.01 from"):
        voc_boxed(tree.root, val_share=0.01)


def test_the_sets_own_three_lists(tree):
    with pytest.raises(UserError, match=r"found no list ImageSets/Main/test\.txt"):
        voc_boxed(tree.root, validation="own")
    tree.add("w", [object_xml("cat", (1, 1, 8, 6))], "test")
    found = voc_boxed(tree.root, validation="own")
    assert Counter(found.split.tolist()) == {"train": 10, "val": 2, "test": 1}
    assert found.part("val").names == ("VOC2012/u", "VOC2012/v")


def test_faults(tree):
    with pytest.raises(UserError, match="validation: found 'test', expected cut or own"):
        voc_boxed(tree.root, validation="test")
    for share in (1, -0.1, float("nan")):
        with pytest.raises(UserError, match=f"val_share: found {share}, expected"):
            voc_boxed(tree.root, val_share=share)
    tree.add("a", [object_xml("cat", (1, 1, 8, 6))], "val")
    with pytest.raises(UserError, match="found VOC2012/a in both lists, train and val, expected it in one"):
        voc_boxed(tree.root)
    (tree.root / "VOC2012/Annotations/b.xml").write_text("<annotation>")
    with pytest.raises(UserError, match=r"b\.xml: found .* expected XML") as caught:
        voc_boxed(tree.root)
    assert type(caught.value) is UserError


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the shared VOC sample is not on this machine")
def test_the_shared_sample_in_colour(tmp_path):
    found = voc_boxed(SAMPLE)
    assert Counter(found.split.tolist()) == {"train": 518, "val": 57, "test": 242}  # 575 and 242 listed
    some = found.take(range(0, 817, 40))
    stored, pixels = load_images(write_images(tmp_path / "s", StoreSpec("s", 32, 3, "voc"), images=some))
    assert pixels.shape == (21, 32, 32, 3)
    assert (pixels.reshape(21, -1).std(1) > 0).all()
    assert stored.names == some.names
