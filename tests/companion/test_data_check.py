"""``papers data check``: which layout a folder has, what is counted, and every fault named, for each of the layouts."""

import pytest
from typer.testing import CliRunner

from data_gen import cardiac_mri, chest, chest_chexpert, chest_vindr, scenes
from papers_lib.companion.data_check import app, check_set, find_layout
from papers_lib.errors import UserError
from tests.datasets import nih_tree

MAKERS = {
    "cardiac": (cardiac_mri.write, cardiac_mri.CardiacSpec(2, 4, 2, 2), ("heatmap_loss",)),
    "nih": (chest.write, chest.ChestSpec(20, 20, side=64), ("pylon", "sibnet_calibration")),
    "voc": (scenes.write, scenes.ScenesSpec(3, 2), ("cam_entropy", "pylon")),
    "chexpert": (chest_chexpert.write, chest_chexpert.ChexpertSpec(4, 9, side=64), ("sibnet_calibration",)),
    "vindr": (chest_vindr.write, chest_vindr.VindrSpec(16, side=64), ("pylon",)),
}


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    return {name: write(folder / name, spec) for name, (write, spec, _) in MAKERS.items()}


@pytest.fixture
def root(tmp_path):
    """Forty radiographs in NIH's layout."""
    rows = [(f"{k:08d}_000.png", "Mass", k) for k in range(1, 41)]
    boxes = [("00000001_000.png", "Mass", 1, 2, 3, 4)]
    return nih_tree.write_release(tmp_path / "nih", rows, boxes, test=10)


def run(*arguments):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


@pytest.mark.parametrize("name", MAKERS)
def test_a_whole_set_is_counted_and_its_notebooks_are_named(sets, name):
    assert find_layout(sets[name]) == name
    done = run(sets[name])
    assert done.exit_code == 0, done.output
    lines = dict(line.split(None, 1) for line in done.output.splitlines())
    assert lines["kind"] == "synthetic data"
    assert lines["problems"] == "none"
    opened, _, count = lines["pictures"].partition(" of ")
    assert opened == count.split()[0]
    for slug in MAKERS[name][2]:
        assert f"papers run {slug} --data-root {sets[name]}" in done.output


def test_classes_and_parts_are_those_of_the_set(root):
    _, counts = check_set(root, "nih", 0)
    assert "Mass 40" in counts["classes"]
    assert "test 10" in counts["splits"]
    assert [counts[what] for what in ("boxes", "patients", "pictures")] == ["1", "40", "0 of 0 opened, of 40"]


def test_a_release_in_its_own_folder_has_its_layout(sets, tmp_path):
    (tmp_path / "VOCdevkit").symlink_to(sets["voc"])
    assert find_layout(tmp_path) == "voc"
    (tmp_path / "VOCdevkit").unlink()
    (tmp_path / "CheXpert-v1.0-small").symlink_to(sets["chexpert"])
    assert find_layout(tmp_path) == "chexpert"


def test_a_folder_that_is_no_set_is_answered_at_once(tmp_path):
    (tmp_path / "note.txt").write_text("x")
    with pytest.raises(
        UserError, match=r"found 'note.txt', no data set; .*Data_Entry_2017\*.csv \(NIH Chest"
    ):
        find_layout(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        find_layout(tmp_path / "none")


def test_every_bad_picture_is_named_with_its_row(root):
    cut, empty = (root / "images" / f"{number:08d}_000.png" for number in (7, 30))
    cut.write_bytes(cut.read_bytes()[:-40])
    empty.write_bytes(b"")
    problems, counts = check_set(root, "nih", None)
    assert counts["pictures"] == "38 of 40 opened, of 40"
    assert len(problems) == 2
    for number, line in zip((7, 30), problems, strict=True):
        assert f"{number:08d}_000.png: cannot be decoded" in line
        assert line.endswith(f"(listed in {root / 'Data_Entry_2017.csv'} line {number + 1})")
    assert "30" not in " ".join(check_set(root, "nih", 4)[0])  # of 1, 11, 21 and 31


def test_a_fault_in_one_file_does_not_hide_that_of_another(root):
    (root / "train_val_list.txt").write_text("\n")
    (root / "test_list.txt").unlink()
    problems, _ = check_set(root, "nih", 1)
    assert any("train_val_list.txt: found no name" in line for line in problems)
    assert any("test_list.txt: no such file" in line for line in problems)


def test_faults_of_scenes_and_slices(tmp_path):
    root = scenes.write(tmp_path / "voc", scenes.ScenesSpec(3, 1))
    annotation = root / "VOC2012/Annotations/trainval_000001.xml"
    annotation.write_text("no XML")
    (root / "VOC2012/SegmentationObject/trainval_000002.png").write_bytes(b"")
    problems, _ = check_set(root, "voc", None)
    assert [str(annotation) in line or "SegmentationObject" in line for line in problems] == [True] * 2
    root = cardiac_mri.write(tmp_path / "set", cardiac_mri.CardiacSpec(1, 2, 1, 1))
    first, second = sorted((root / "images").glob("train*.png"))
    for path in (first, second):
        path.write_bytes(b"")
    problems, counts = check_set(root, "cardiac", None)
    assert counts["pictures"] == "6 of 8 opened, of 8"
    assert [sum(str(path) in line for line in problems) for path in (first, second)] == [1, 1]


def test_problems_are_cut_and_the_exit_code_tells(root):
    for path in (root / "images").iterdir():
        path.write_bytes(b"")
    done = run(root, "--problems", "3")
    assert done.exit_code == 1
    assert "problems  40" in done.output
    assert "  … and 37 more" in done.output
    assert "when the problems are mended" in done.output
