import numpy as np
import pytest

from papers_lib.datasets.chexpert import CLASSES, list_chexpert, load_chexpert
from papers_lib.datasets.chexpert_store import ChexpertStore, open_store, read_truth, write_store
from papers_lib.datasets.splits import shared_patients
from papers_lib.errors import UserError
from tests.datasets.chexpert_tree import HEADER, TRAIN, VALID, name, row, write_release

BOXES = "Path,Label,x_min,y_min,x_max,y_max\n"
TRUTH = ",".join(["Path", *(f"P({one})" for one in CLASSES)]) + "\n"


@pytest.fixture
def root(tmp_path):
    return write_release(tmp_path / "release")


def test_pictures_labels_and_parts(root):
    found, raw = list_chexpert(root, calibration_share=0)
    assert found.names[:3] == (name("train", 1), name("train", 2), name("train", 2, study=2))
    assert found.paths[0] == root / "train/patient00001/study1/view1_frontal.jpg"
    assert found.split.tolist() == ["train"] * 3 + ["test"] * 6
    assert found.patients[:3].tolist() == ["patient00001", "patient00002", "patient00002"]
    assert raw[1].tolist() == [-1] * 5
    assert np.isnan(raw[0]).all()
    assert raw[2].tolist()[3:] == [1, 0]
    assert found.labels[0].sum() == 0
    assert load_chexpert(root.parent, calibration_share=0).names == found.names  # the folder above it


@pytest.mark.parametrize(
    ("uncertain", "positive"),
    [
        ("report", {"Cardiomegaly", "Edema"}),
        ("common", {"Atelectasis", "Edema"}),
        ("zeros", set()),
        ("ones", set(CLASSES)),
    ],
)
def test_uncertain_labels_are_mapped(root, uncertain, positive):
    found = load_chexpert(root, uncertain=uncertain, calibration_share=0)
    assert {CLASSES[k] for k in np.flatnonzero(found.labels[1])} == positive


def test_the_calibration_part_is_cut_by_patient(tmp_path):
    train = [row(name("train", 1 + k // 4, study=1 + k % 4), Edema="1.0") for k in range(80)]
    root = write_release(tmp_path / "set", train=train)
    found = load_chexpert(root)
    assert [(found.split == part).sum() for part in ("train", "val", "test")] == [80, 2, 4]
    found = load_chexpert(root, calibration="train", calibration_share=0.25)
    assert [(found.split == part).sum() for part in ("train", "val", "test")] == [60, 20, 6]
    assert shared_patients(found.part("train").patients, found.part("val").patients) == 0


def test_boxes_where_there_are_some(root):
    assert not any(len(box) for box in load_chexpert(root).boxes)
    (root / "boxes.csv").write_text(f"{BOXES}{name('train', 2)},Edema,0.25,0.5,0.75,1\n")
    found = load_chexpert(root)
    assert found.boxes[1].tolist() == [[0.25, 0.5, 0.75, 1]]
    assert found.box_classes[1].tolist() == [3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{name('train', 9)},Edema,0,0,1,1", "line 2: Path: found"),
        (f"{name('train', 2)},Edema,0.5,0,0.5,1", "expected x_min < x_max"),
        (f"{name('train', 2)},Edema,0,0,1,nan", "line 2: found"),
    ],
)
def test_faults_of_the_boxes(root, text, message):
    (root / "boxes.csv").write_text(f"{BOXES}{text}\n")
    with pytest.raises(UserError) as error:
        load_chexpert(root)
    assert "boxes.csv" in str(error.value)
    assert message in str(error.value)


def changed(old, new):
    return TRAIN[1].replace(old, new, 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (changed("study1/", ""), "line 3: Path: found"),
        (changed("-1.0", "2.0"), "line 3: Cardiomegaly: found '2.0', expected 1, 0, -1 or blank"),
        (changed("Frontal", "Oblique"), "line 3: Frontal/Lateral: found 'Oblique'"),
    ],
)
def test_faults_of_a_row_name_its_line(root, line, message):
    path = root / "train.csv"
    path.write_text("\n".join([HEADER, TRAIN[0], line]) + "\n")
    with pytest.raises(UserError) as error:
        load_chexpert(root)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_patients_are_apart_and_pictures_are_there(tmp_path):
    both = write_release(tmp_path / "both", valid=[*VALID, row(name("valid", 2))])
    with pytest.raises(UserError, match=r"line 8: Path: found patient00002, who is in .*line 3 too"):
        load_chexpert(both)
    gone = write_release(tmp_path / "gone")
    (gone / "train/patient00001/study1/view1_frontal.jpg").unlink()
    with pytest.raises(UserError, match=r"line 2: Path: found no file .*1 of 3 are not there"):
        load_chexpert(gone)
    assert len(load_chexpert(gone, missing="skip")) == 8


# The store


def test_a_store_keeps_the_labels_as_written_and_what_is_known(root, tmp_path):
    (root / "truth.csv").write_text(f"{TRUTH}{name('train', 2)},0,0.25,0.5,0.75,1\n")
    spec = ChexpertStore("data", 4, {"calibration_share": 0})
    found = open_store(write_store(tmp_path / "store", spec, root=root))
    images, raw = list_chexpert(root, calibration_share=0)
    assert found.images.names == images.names
    assert (found.images.labels == images.labels).all()
    np.testing.assert_array_equal(found.raw_labels, raw)
    assert found.pixels.shape == (9, 4, 4)
    assert found.truth[1].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert np.isnan(np.delete(found.truth, 1, axis=0)).all()
    with pytest.raises(UserError, match="is there already"):
        write_store(tmp_path / "store", spec, root=root)


def test_real_data_has_no_truth_and_a_bad_one_is_named(root):
    assert np.isnan(read_truth(root, ("a", "b"))).all()
    for line, message in (("a,0,0,0,0,1.5", "found '1.5'"), ("a,0,0,0,0,x", "found 'x'")):
        (root / "truth.csv").write_text(f"{TRUTH}{line}\n")
        with pytest.raises(UserError, match=rf"truth\.csv line 2: P\(Pleural Effusion\): {message}"):
            read_truth(root, ("a",))
