"""The release as a list: a tiny tree checked entry by entry, its faults, and the shared sample of real radiographs."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papers_lib.datasets.image_store import StoreSpec, load_images, write_images
from papers_lib.datasets.nih_cxr14 import CLASSES, VAL_SHARE, load_nih, missing_images
from papers_lib.datasets.splits import k_folds_by_patient, shared_patients
from papers_lib.errors import UserError
from tests.datasets.nih_tree import BOX_HEADER, ROWS, write_release

SAMPLE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "nih_cxr14_sample"
needs_sample = pytest.mark.skipif(not SAMPLE.is_dir(), reason="the shared NIH sample is not on this machine")


@pytest.fixture
def root(tmp_path):
    return write_release(tmp_path / "nih")


def append(path, line):
    with path.open("a") as file:
        file.write(line + "\n")


def test_a_small_release_entry_by_entry(root):
    found = load_nih(root, val_share=0.25)
    assert found.classes == CLASSES
    assert found.names == tuple(row[0] for row in ROWS)
    assert found.paths == tuple(root / "images" / row[0] for row in ROWS)
    assert found.where[2] == f"{root / 'Data_Entry_2017.csv'} line 4"
    assert found.patients.tolist() == ["1", "1", "2", "3", "4"]
    names = [{CLASSES[k] for k in np.flatnonzero(row)} for row in found.labels]
    assert names == [{"Cardiomegaly", "Infiltration"}, set(), {"Pleural_Thickening"}, {"Mass"}, set()]
    assert [len(box) for box in found.boxes] == [2, 0, 0, 1, 0]
    assert found.boxes[0].tolist() == [[0.25, 0.125, 0.75, 0.375], [0, 0, 1, 1]]
    assert [CLASSES[k] for k in found.box_classes[0]] == ["Infiltration", "Cardiomegaly"]
    assert Counter(found.split.tolist()) == {"train": 3, "val": 1, "test": 1}
    assert found.split[4] == "test"
    # 686.5 + 185.25 of 1024, whatever the size of the pictures at hand
    mass = found.of_class(CLASSES.index("Mass"), (256, 512))[3]
    assert np.allclose(mass, [[686.5 / 2, 131.5 / 4, 871.75 / 2, 444.75 / 4]])


def test_validation_by_patient_or_image_by_image(tmp_path):
    rows = [
        (f"{patient:08d}_{turn:03d}.png", "No Finding", patient) for patient in range(40) for turn in range(3)
    ]
    root = write_release(tmp_path / "nih", rows, [(rows[0][0], "Mass", 1, 1, 5, 5)], test=30)
    by_patient, by_image = load_nih(root, val_share=0.2), load_nih(root, val_share=0.2, split="authors")
    for found in (by_patient, by_image):
        assert Counter(found.split.tolist()) == {"train": 72, "val": 18, "test": 30}
        assert shared_patients(found.part("train").patients, found.part("test").patients) == 0
    shared = [
        shared_patients(f.part("train").patients, f.part("val").patients) for f in (by_patient, by_image)
    ]
    assert shared[0] == 0
    assert 10 <= shared[1] <= 18  # most validation images have a sibling among the other two
    assert (load_nih(root, val_share=0.2).split == by_patient.split).all()
    assert (load_nih(root, val_share=0.2, seed=1).split != by_patient.split).any()
    assert Counter(load_nih(root, val_share=0).split.tolist()) == {"train": 90, "test": 30}


def test_the_share_is_that_of_the_authors_lists():
    assert round(86524 * VAL_SHARE) == 8040


def test_an_image_in_neither_list_is_in_no_part(root):
    (root / "train_val_list.txt").write_text("\n".join(row[0] for row in ROWS[:3]))
    found = load_nih(root, val_share=0)
    assert found.split.tolist() == ["train", "train", "train", "", "test"]
    assert found.part("").names == ("00000003_000.png",)


def test_images_that_are_not_there(root):
    for name in ("00000001_001.png", "00000003_000.png"):
        (root / "images" / name).unlink()
    message = (
        r"line 3: found no file '00000001_001\.png' in .*images or images_\*, expected it "
        r"\(2 of 5 are not there; missing=skip leaves them out\)$"
    )
    with pytest.raises(UserError, match=message):
        load_nih(root)
    assert missing_images(root) == ["00000001_001.png", "00000003_000.png"]
    found = load_nih(root, val_share=0, missing="skip")
    assert found.names == ("00000001_000.png", "00000002_000.png", "00000004_000.png")
    assert [len(box) for box in found.boxes] == [2, 0, 0]
    (root / "images" / "00000004_000.png").unlink()
    with pytest.raises(UserError, match=r"test_list\.txt: found no image for the part test in "):
        load_nih(root, val_share=0, missing="skip")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda r: append(r / "train_val_list.txt", "x.png"),
            r"train_val_list\.txt line 5: found image 'x\.png', exp",
        ),
        (
            lambda r: append(r / "test_list.txt", "x.png"),
            r"test_list\.txt line 2: found image 'x\.png', expected one of",
        ),
        (
            lambda r: append(r / "test_list.txt", ROWS[0][0]),
            r"test_list\.txt line 2: found '00000001_000\.png' in both lists \(also .*train_val_list\.txt line 1\)",
        ),
        (
            lambda r: append(r / "test_list.txt", ROWS[4][0]),
            r"test_list\.txt line 2: found '00000004_000\.png' again",
        ),
        (lambda r: (r / "test_list.txt").write_text("\n"), r"test_list\.txt: found no name"),
        (lambda r: (r / "test_list.txt").unlink(), r"test_list\.txt: no such file"),
        (lambda r: (r / "BBox_List_2017.csv").unlink(), r"BBox_List_2017\.csv: no such file"),
        (
            lambda r: append(r / "BBox_List_2017.csv", "x.png,Mass,1,1,5,5"),
            r"BBox_List_2017\.csv line 5: found image 'x\.png', expected one of the table's",
        ),
        (
            lambda r: append(r / "BBox_List_2017.csv", "00000002_000.png,Mass,1,1,-5,5"),
            r"BBox_List_2017\.csv line 5: found width -5",
        ),
        (
            lambda r: (r / "BBox_List_2017.csv").write_text(BOX_HEADER.replace("x,y,w,h", "x,y,w")),
            r"BBox_List_2017\.csv line 1: found columns .*, expected Image Index,Finding Label,Bbox \[x,y,w,h\]",
        ),
        (
            lambda r: append(r / "Data_Entry_2017.csv", f"{ROWS[0][0]},Mass,0,1"),
            r"Data_Entry_2017\.csv line 7: found image '00000001_000\.png' again \(first .* line 2\)",
        ),
        (lambda r: append(r / "Data_Entry_2017.csv", "x.png,Mass,0,P7"), "line 7: Patient ID: found 'P7'"),
        (lambda r: (r / "images").rename(r / "pictures"), "found no folder images or images_001/images"),
    ],
)
def test_a_fault_of_the_release_is_one_line(root, change, message):
    change(root)
    with pytest.raises(UserError, match=message) as caught:
        load_nih(root)
    assert "\n" not in str(caught.value)


def test_an_image_that_is_none_is_named_when_the_store_is_written(root, tmp_path):
    (root / "images" / ROWS[3][0]).write_text("not an image")
    images = load_nih(root, val_share=0)
    message = r"00000003_000\.png: cannot be decoded .* \(listed in .*Data_Entry_2017\.csv line 5\)$"
    with pytest.raises(UserError, match=message):
        write_images(tmp_path / "store", StoreSpec("set", 8), images=images)


def test_arguments_are_named(root, tmp_path):
    for arguments, message in {
        ("split", "image"): "split: found 'image', expected patients or authors",
        ("missing", "ignore"): "missing: found 'ignore', expected error or skip",
        ("val_share", 1.0): r"val_share: found 1\.0, expected at least 0 and below 1",
        ("val_share", float("nan")): "val_share: found nan",
    }.items():
        with pytest.raises(UserError, match=message):
            load_nih(root, **dict([arguments]))
    with pytest.raises(UserError, match=r"train_val_list\.txt: found no image for the part val"):
        load_nih(root, val_share=0.01)
    with pytest.raises(UserError, match="gone: no such folder"):
        load_nih(tmp_path / "gone")


def test_twelve_folders(root):
    (root / "images").rename(root / "all")
    for part, row in enumerate(ROWS, start=1):
        folder = root / f"images_{part:03d}" / "images"
        folder.mkdir(parents=True)
        (root / "all" / row[0]).rename(folder / row[0])
    assert load_nih(root, val_share=0).paths[4] == root / "images_005" / "images" / ROWS[4][0]


@needs_sample
def test_the_shared_sample():
    found = load_nih(SAMPLE)
    counts = {part: len(found.part(part)) for part in ("train", "val", "test", "")}
    assert counts == {"train": 270, "val": 28, "test": 114, "": 0}
    assert len(set(found.patients.tolist())) == 341
    kinds, boxes = np.concatenate(found.box_classes), np.concatenate(found.boxes)
    assert len(boxes) == 452
    assert np.bincount(kinds, minlength=14).tolist() == [87, 77, 64, 57, 30, 37, 58, 42, 0, 0, 0, 0, 0, 0]
    assert all(
        found.labels[row, k].all() for row, k in enumerate(found.box_classes)
    )  # each box has its label
    # Mean area shares of the whole release, to which half of its boxes come close (Table 1 of the paper).
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    mean = [float(area[kinds == k].mean()) for k in range(8)]
    assert np.allclose(mean, [0.032, 0.176, 0.069, 0.097, 0.042, 0.005, 0.094, 0.052], rtol=0.25, atol=0.001)
    for split in ("patients", "authors"):
        parts = [load_nih(SAMPLE, split=split).part(part).patients for part in ("train", "val", "test")]
        assert (shared_patients(parts[0], parts[1]) == 0) == (split == "patients")
        assert shared_patients(parts[0], parts[2]) == shared_patients(parts[1], parts[2]) == 0


@needs_sample
def test_five_folds_of_the_shared_sample():
    found = load_nih(SAMPLE)
    folds = k_folds_by_patient(found.patients, 5, seed=0)
    assert sorted(np.bincount(folds).tolist()) == [82, 82, 82, 83, 83]
    for fold in range(5):
        assert shared_patients(found.patients[folds == fold], found.patients[folds != fold]) == 0


@needs_sample
def test_the_shared_sample_in_the_store(tmp_path):
    listed = load_nih(SAMPLE)
    found, pixels = load_images(write_images(tmp_path / "store", StoreSpec("sample", 64), images=listed))
    assert pixels.shape == (412, 64, 64)
    with Image.open(listed.paths[7]) as picture:
        assert (pixels[7] == np.asarray(picture.resize((64, 64), Image.Resampling.BICUBIC))).all()
    assert (found.split == listed.split).all()
    assert (pixels.reshape(412, -1).std(1) > 10).all()
