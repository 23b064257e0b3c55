import numpy as np
import pytest

from papers_lib.datasets.nih_cxr14 import CLASSES, load_nih, missing_images
from papers_lib.datasets.splits import shared_patients
from papers_lib.errors import UserError
from tests.datasets.nih_tree import BOX_HEADER, BOXES, ROWS, write_release

MANY = [(f"{k:08d}_{j:03d}.png", "Mass", k) for k in range(1, 31) for j in range(4)]
ONE_BOX = [(MANY[0][0], "Mass", 1, 2, 3, 4)]


@pytest.fixture
def root(tmp_path):
    return write_release(tmp_path / "nih")


def test_images_labels_boxes_patients_and_parts(root):
    found = load_nih(root, val_share=0)
    assert found.names == tuple(row[0] for row in ROWS)
    assert found.patients.tolist() == ["1", "1", "2", "3", "4"]
    assert found.split.tolist() == ["train"] * 4 + ["test"]
    labels = [{CLASSES[k] for k in np.flatnonzero(row)} for row in found.labels]
    assert labels == [{"Cardiomegaly", "Infiltration"}, set(), {"Pleural_Thickening"}, {"Mass"}, set()]
    assert [CLASSES[k] for k in found.box_classes[0]] == ["Infiltration", "Cardiomegaly"]
    assert found.boxes[0].tolist() == [[0.25, 0.125, 0.75, 0.375], [0, 0, 1, 1]]
    assert found.boxes[1].shape == (0, 4)
    assert found.where[2] == f"{root / 'Data_Entry_2017.csv'} line 4"
    assert all(path.is_file() for path in found.paths)


def test_a_box_in_the_header_of_other_programs_and_one_over_the_edge(root):
    path = root / "BBox_List_2017.csv"
    path.write_text('Image Index,Finding Label,"Bbox [x,y,w,h]"\n00000003_000.png,Mass,-10,0,100,1034\n')
    found = load_nih(root, val_share=0)
    assert found.boxes[3].tolist() == [[0, 0, 90 / 1024, 1]]


def test_the_folders_of_the_release_and_a_shorter_table(root):
    (root / "images_001").mkdir()
    (root / "images").rename(root / "images_001" / "images")
    table = root / "Data_Entry_2017.csv"
    lines = [f"{patient:04d},{name},{findings}" for name, findings, patient in ROWS]
    (root / "Data_Entry_2017_v2020.csv").write_text(
        "\n".join(["Patient ID,Image Index,Finding Labels", *lines])
    )
    table.unlink()
    assert load_nih(root, val_share=0).patients.tolist() == ["1", "1", "2", "3", "4"]


def test_validation_by_patient_or_as_the_authors_have_it(tmp_path):
    root = write_release(tmp_path / "nih", MANY, ONE_BOX, test=40)
    by_patient = load_nih(root, val_share=0.2)
    by_image = load_nih(root, val_share=0.2, split="authors")
    shared = [
        shared_patients(found.part("train").patients, found.part("val").patients)
        for found in (by_patient, by_image)
    ]
    assert shared[0] == 0
    assert shared[1] > 5
    assert len(by_image.part("val")) == 16
    assert (by_patient.part("test").names) == tuple(row[0] for row in MANY[80:])
    assert load_nih(root, val_share=0.2, seed=1).split.tolist() != by_patient.split.tolist()


def test_pictures_that_are_not_there(root):
    (root / "images" / ROWS[1][0]).unlink()
    with pytest.raises(UserError) as error:
        load_nih(root, val_share=0)
    assert "line 3: found no file '00000001_001.png'" in str(error.value)
    assert "1 of 5 are not there" in str(error.value)
    assert len(load_nih(root, val_share=0, missing="skip")) == 4
    assert missing_images(root) == [ROWS[1][0]]


HEAD = "Image Index,Finding Labels,Patient ID\n"


def box(*values):
    return f"{BOX_HEADER}\n{','.join(map(str, values))}\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("Data_Entry_2017.csv", "Image Index,Finding Labels\na,b\n", "column 'Patient ID' not among"),
        ("Data_Entry_2017.csv", f"{HEAD}a.png,Mass|No Finding,1\n", "line 2: Finding Labels: found 'Mass|No"),
        ("Data_Entry_2017.csv", f"{HEAD}a.png,Mass,x1\n", "line 2: Patient ID: found 'x1'"),
        ("BBox_List_2017.csv", box("gone.png", "Mass", 1, 2, 3, 4), "line 2: Image Index: found 'gone.png'"),
        ("BBox_List_2017.csv", box(BOXES[2][0], "Mass", "nan", 2, 3, 4), "Bbox [x: found 'nan'"),
        ("BBox_List_2017.csv", box(BOXES[2][0], "Mass", 1, 2, 1034, 4), "expected a box inside"),
        ("train_val_list.txt", "gone.png\n", "line 1: found image 'gone.png'"),
        ("test_list.txt", f"{ROWS[0][0]}\n", "in both lists"),
    ],
)
def test_faults_name_file_and_line(root, name, content, message):
    (root / name).write_text(content)
    with pytest.raises(UserError) as error:
        load_nih(root, val_share=0)
    assert str(error.value).startswith(str(root / name))
    assert message in str(error.value)


def test_folders_that_are_none(root, tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        load_nih(tmp_path / "none")
    (root / "Data_Entry_2017_v2020.csv").write_text("")
    with pytest.raises(UserError, match="expected one table"):
        load_nih(root)
