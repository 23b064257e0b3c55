"""VinDr-CXR: trees written here, with labels and boxes worked by hand, and well-formed tables at random."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from papers_lib.datasets.dicom_reader import read_radiograph
from papers_lib.datasets.image_store import StoreSpec, load_images, write_images
from papers_lib.datasets.vindr_boxes import CLASSES, box_shares, read_findings
from papers_lib.datasets.vindr_cxr import load_vindr, missing_images
from papers_lib.errors import UserError
from papers_lib.metrics.localization import chance, point_hits
from tests.datasets.dicom_files import write_dicom
from tests.datasets.vindr_tree import SIZE, healthy, load, row, tree


@pytest.mark.parametrize("kind", ["png", "dicom", "dcm"])
def test_labels_and_boxes_by_hand(tmp_path, kind):
    root = tree(
        tmp_path,
        row("b", "Nodule/Mass", box=(25, 8, 50.0, 16.0)),
        healthy("a", "R1"),
        row("b", "Atelectasis", reader="R2", box=(0, 0, 100, 80)),
        healthy("a", "R2"),
        row("b", "Nodule/Mass", reader="R2", box=(30, 8, 60, 24)),
        healthy("c", "R3"),
        kind=kind,
    )
    found = load(root)
    assert found.names == ("a", "b", "c")  # sorted, whatever the order of the table
    assert found.paths == tuple(root / "train" / f"{name}.{kind}" for name in "abc")
    assert found.where == tuple(f"{root / 'train.csv'} line {line}" for line in (3, 2, 7))
    assert (found.classes, len(found.classes), found.patients) == (CLASSES, 14, None)
    # Atelectasis is class 1, Nodule/Mass class 8; an image without finding has no label.
    assert [np.flatnonzero(labels).tolist() for labels in found.labels] == [[], [1, 8], []]
    assert found.box_classes[1].tolist() == [8, 1, 8]
    expected = np.float32([[0.25, 0.1, 0.5, 0.2], [0, 0, 1, 1], [0.3, 0.1, 0.6, 0.3]])
    np.testing.assert_array_equal(found.boxes[1], expected)
    assert [len(box) for box in found.boxes] == [0, 3, 0]
    # In pixels of another size: 100 wide became 10, 80 high became 40.
    boxes = found.of_class(8, (40, 10))
    torch.testing.assert_close(boxes[1], torch.tensor([[2.5, 4, 5, 8], [3, 4, 6, 12]]))


def test_boxes_of_a_class_are_one_region(tmp_path):
    """Two overlapping boxes: a point in either is a hit, and the region's area counts the overlap once."""
    root = tree(
        tmp_path,
        row("a", box=(0, 0, 40, 40)),
        row("a", reader="R2", box=(20, 20, 60, 60)),
        images="a",
    )
    boxes = load(root).of_class(3, SIZE)
    # Edges included, a box from 0 to 40 has 41 x 41 pixels.
    assert chance(boxes, SIZE) == pytest.approx((2 * 41 * 41 - 21 * 21) / (80 * 100))
    for point, hit in {(10, 10): True, (50, 50): True, (50, 10): False}.items():
        heat = torch.zeros(1, *SIZE)
        heat[0, point[1], point[0]] = 1
        assert point_hits(heat, boxes, SIZE).hit.tolist() == [hit]


def test_readers_who_must_agree(tmp_path):
    root = tree(
        tmp_path,
        row("a", "ILD", reader="R1"),
        row("a", "ILD", reader="R1", box=(0, 0, 9, 9)),
        row("a", "Pneumothorax", reader="R1"),
        row("a", "Pneumothorax", reader="R2"),
        healthy("a", "R3"),
        images="a",
    )
    ild, pneumothorax = CLASSES.index("ILD"), CLASSES.index("Pneumothorax")
    for readers, labels, boxes in (
        (1, [ild, pneumothorax], [ild, ild, pneumothorax, pneumothorax]),
        (2, [pneumothorax], [pneumothorax, pneumothorax]),  # one reader's two boxes are one opinion
        (3, [], []),
    ):
        found = load(root, min_readers=readers)
        assert np.flatnonzero(found.labels[0]).tolist() == labels
        assert found.box_classes[0].tolist() == boxes


def test_the_split_is_by_image_with_the_papers_shares(tmp_path):
    names = [f"{i:02}" for i in range(50)]
    root = tree(tmp_path, *map(healthy, names), images=names)
    found = load_vindr(root)
    assert [int((found.split == part).sum()) for part in ("train", "val", "test")] == [35, 5, 10]
    assert (load_vindr(root, seed=0).split == found.split).all()
    assert (load_vindr(root, seed=1).split != found.split).any()
    shuffled = tree(tmp_path, *map(healthy, names[::-1]), images=names)
    assert (load_vindr(shuffled).split == found.split).all()  # by name, not by place in the table


def test_both_kinds_of_file_and_the_dicom_goes_first(tmp_path):
    tree(tmp_path, row("a"), row("b"), images="b")
    tree(tmp_path, row("a"), row("b"), images="a", kind="dicom")
    assert [path.name for path in load(tmp_path).paths] == ["a.dicom", "b.png"]
    write_dicom(tmp_path / "train" / "b.dicom", np.arange(40 * 50).reshape(40, 50))
    found = load(tmp_path)
    assert [path.name for path in found.paths] == ["a.dicom", "b.dicom"]
    # The size of the original is the DICOM's, not the table's.
    np.testing.assert_array_equal(found.boxes[1], np.float32([[0.2, 0.5, 1, 1]]))
    # DICOM alone needs no table of sizes.
    (tmp_path / "train_meta.csv").unlink()
    assert len(load(tmp_path)) == 2


def test_images_that_are_not_there(tmp_path):
    root = tree(tmp_path, row("a"), row("x"), row("x", "ILD"), row("y"), images="a")
    message = (
        r"train\.csv line 3: found no image 'x' in .*train, expected ID\.dicom, .*\(2 of 3 are not there"
    )
    with pytest.raises(UserError, match=message):
        load(root)
    assert load(root, missing="skip").names == ("a",)
    assert missing_images(root) == ["x", "y"]
    (root / "train" / "a.png").unlink()
    with pytest.raises(UserError, match=r"train: found no image of .*train\.csv, expected some"):
        load(root, missing="skip")


def test_a_box_over_the_edge_is_clipped_up_to_ten_pixels(tmp_path):
    found = load(tree(tmp_path, row(box=(-10, -3, 50, 90)), images="a"))
    np.testing.assert_array_equal(found.boxes[0], np.float32([[0, 0, 0.5, 1]]))


def test_stored_once_and_read_back(tmp_path):
    """With the reader that the store is given for DICOM; the PNG's pixels are known."""
    tree(tmp_path / "set", row("a"), row("b"), images="a")
    tree(tmp_path / "set", row("a"), row("b"), images="b", kind="dicom")
    (tmp_path / "set" / "train_meta.csv").write_text("image_id,dim0,dim1\na,80,100\n")
    images = load(tmp_path / "set")
    made = write_images(
        tmp_path / "store", StoreSpec("x", 8, kind="vindr"), images=images, reader=read_radiograph
    )
    back, pixels = load_images(made)
    assert pixels[0].max() == 0
    assert (np.diff(pixels[1].astype(int), axis=0) > 0).all()
    assert (back.labels == images.labels).all()
    assert all((x == y).all() for x, y in zip(back.boxes, images.boxes, strict=True))


def test_a_finding_without_box_has_no_shares(tmp_path):
    root = tree(tmp_path, healthy("a"))
    finding = read_findings(root / "train.csv")["a"][0]
    assert (finding.kind, finding.corners, finding.reader) == (None, None, "R1")
    with pytest.raises(ValueError, match="finding: found no corners"):
        box_shares(finding, SIZE)


# --- properties ---


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from((*CLASSES, "No finding")),
            st.sampled_from(["R1", "R2", "R3"]),
            st.tuples(st.integers(-12, 99), st.integers(-12, 79), st.floats(0.01, 60), st.floats(0.01, 60)),
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_well_formed_tables_load_or_name_a_box_that_leaves(tmp_path, rows):
    lines, leaves = [], False
    for image, name, reader, (x, y, width, height) in rows:
        box = None if name == "No finding" else (x, y, x + width, y + height)
        lines.append(row(image, name, reader=reader, box=box))
        over = max(-x, -y, x + width - 100, y + height - 80)
        leaves |= box is not None and (over > 10 or x + width <= 0 or y + height <= 0)
    root = tree(tmp_path, *lines)
    if leaves:
        with pytest.raises(UserError, match=r"train\.csv line \d+: found box x"):
            load(root)
        return
    found = load(root)
    for i, image in enumerate(found.names):
        own = [one for one in rows if one[0] == image and one[1] != "No finding"]
        assert sorted({CLASSES.index(one[1]) for one in own}) == np.flatnonzero(found.labels[i]).tolist()
        assert found.box_classes[i].tolist() == [CLASSES.index(one[1]) for one in own]
        for share, (_, _, _, (x, y, width, height)) in zip(found.boxes[i], own, strict=True):
            expected = [max(x, 0) / 100, max(y, 0) / 80, min(x + width, 100) / 100, min(y + height, 80) / 80]
            np.testing.assert_allclose(share, expected, atol=1e-6)
