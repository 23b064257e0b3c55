import csv
import json

import numpy as np
import pytest

from data_gen import cardiac_mri
from data_gen.cardiac_mri import CardiacSpec, draw, main, toggle_sex_label, write
from papers_lib.datasets.cardiac import CLASSES, LABELS, SEXES, load_cardiac
from papers_lib.errors import UserError

N = 2000
AUTHORS_N = 10_000  # the printed areas come from that many slices
MEAN = {1: -0.847, 2: -0.882}
HEART = {1: 0.129, 2: 0.091}
HEART_BY_CLASS = {"NOR": 0.071, "HCM": 0.067, "DCM": 0.137, "ARV": 0.090}


@pytest.fixture(scope="module")
def drawn():
    return {experiment: draw(CardiacSpec(experiment, N, 0, 0, seed=1), "train") for experiment in (1, 2)}


def assert_printed(values: np.ndarray, printed: float, digit: float) -> None:
    """Within the rounding of the printed value and four standard errors of both samples."""
    error = values.std() * np.sqrt(1 / len(values) + 1 / AUTHORS_N)
    assert values.mean() == pytest.approx(printed, abs=digit / 2 + 4 * error)


@pytest.mark.parametrize("experiment", [1, 2])
def test_mean_grey_level_and_heart_area_are_the_authors(drawn, experiment: int) -> None:
    images, masks, _ = drawn[experiment]
    assert_printed(images.mean((1, 2)) / 127.5 - 1, MEAN[experiment], 0.001)
    assert_printed(((masks >= 1) & (masks <= 4)).mean((1, 2)), HEART[experiment], 0.001)


def test_heart_area_of_each_class_is_the_authors(drawn) -> None:
    _, masks, table = drawn[2]
    classes = np.array([row["class"] for row in table])
    for name, printed in HEART_BY_CLASS.items():
        assert_printed(((masks >= 1) & (masks <= 4))[classes == name].mean((1, 2)), printed, 0.001)


def test_label_area_is_the_authors(drawn) -> None:
    assert_printed((drawn[2][1] == LABELS["sex label"]).mean((1, 2)), 3.28e-3, 1e-5)


def test_the_label_marks_the_males_of_experiment_2_only(drawn) -> None:
    for experiment, (_, masks, table) in drawn.items():
        labelled = (masks == LABELS["sex label"]).any((1, 2))
        male = np.array([row["sex"] == "M" for row in table])
        assert (labelled == (male & (experiment == 2))).all()
        assert 0 < male.sum() < N


def test_classes_are_balanced_and_ids_unique(drawn) -> None:
    table = drawn[1][2]
    assert [sum(row["class"] == name for row in table) for name in CLASSES] == [N // 4] * 4
    assert len({row["id"] for row in table}) == N


def test_the_seed_decides_and_a_longer_split_begins_with_the_shorter() -> None:
    short, long = (draw(CardiacSpec(1, n, 0, 0, seed=5), "train") for n in (5, 9))
    assert (short[0] == long[0][:5]).all()
    assert (short[1] == long[1][:5]).all()
    assert short[2] == long[2][:5]
    assert (draw(CardiacSpec(1, 5, 0, 0, seed=6), "train")[0] != short[0]).any()


def test_splits_and_experiments_share_no_draws() -> None:
    # The sex is drawn first and in both experiments alike: shared draws would show as equal columns.
    sexes = {
        tuple(row["sex"] for row in draw(CardiacSpec(experiment, 40, 40, 40), split)[2])
        for experiment in (1, 2)
        for split in ("train", "val", "test")
    }
    assert len(sexes) == 6


def test_toggling_moves_the_label_alone_and_twice_brings_it_back() -> None:
    images, masks, table = draw(CardiacSpec(2, 40, 0, 0), "train")
    before = images.copy(), masks.copy()
    male = np.array([row["sex"] == "M" for row in table])
    generator = np.random.default_rng(0)
    toggled, toggled_masks = toggle_sex_label(images, masks, generator)
    assert (images == before[0]).all()
    assert (masks == before[1]).all()
    assert ((toggled_masks == LABELS["sex label"]).any((1, 2)) == ~male).all()
    box = np.zeros(images.shape[1:], bool)
    box[95:104, 125:134] = True
    assert ((toggled != images) <= box).all()
    assert not toggled[male][:, box].any()
    assert (toggled[~male][:, box] > 240).all()
    again, again_masks = toggle_sex_label(toggled, toggled_masks, generator)
    assert (again_masks == masks).all()
    assert (again[~male] == images[~male]).all()


def test_a_label_never_covers_the_heart() -> None:
    masks = np.ones((1, 105, 135), np.uint8)
    with pytest.raises(ValueError, match="part of the heart"):
        toggle_sex_label(masks, masks, np.random.default_rng(0))
    with pytest.raises(ValueError, match="expected the same N x H x W"):
        toggle_sex_label(masks, masks[0], np.random.default_rng(0))


def test_what_is_written_is_what_is_drawn(tmp_path) -> None:
    spec = CardiacSpec(2, 6, 5, 4, seed=2)
    root = write(tmp_path / "set", spec)
    for split in ("train", "val", "test"):
        images, masks, table = draw(spec, split)
        read = load_cardiac(root, split)
        assert (read.images == images).all()
        assert (read.masks == masks).all()
        assert read.ids == tuple(row["id"] for row in table)
        assert [CLASSES[one] for one in read.classes] == [row["class"] for row in table]
        assert read.sex.tolist() == [SEXES[row["sex"]] for row in table]
    with open(root / "slices.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [row for split in ("train", "val", "test") for row in draw(spec, split)[2]]
    description = json.loads((root / "dataset.json").read_text())
    assert description["kind"] == "stand-in"
    assert description["parameters"] == {"experiment": 2, "train": 6, "val": 5, "test": 4, "seed": 2}


def test_files_do_not_depend_on_processes_and_chunks(tmp_path, monkeypatch) -> None:
    spec = CardiacSpec(1, 7, 3, 0)
    one = write(tmp_path / "one", spec)
    monkeypatch.setattr(cardiac_mri, "CHUNK", 2)
    two = write(tmp_path / "two", spec, jobs=2)
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(files) == 2 * 10 + 2
    assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    assert all((one / file).read_bytes() == (two / file).read_bytes() for file in files)


def test_nothing_is_written_over(tmp_path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UserError, match="is there already, expected a new or an empty folder"):
        write(tmp_path, CardiacSpec(1))
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"experiment": 3}, "experiment: found 3, expected 1 or 2"),
        ({"experiment": True}, "experiment: found True, expected a whole number"),
        ({"experiment": 1, "val": -1}, "val: found -1, expected a whole number of at least 0"),
        ({"experiment": 1, "seed": 0.5}, "seed: found 0.5, expected a whole number"),
        ({"experiment": 1, "train": 0, "val": 0, "test": 0}, "all are 0, expected at least one slice"),
    ],
)
def test_a_bad_parameter_is_named(parameters, message: str) -> None:
    with pytest.raises(UserError, match=message):
        CardiacSpec(**parameters)


def test_a_bad_split_or_number_of_jobs_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match="split: found 'all', expected one of train, val, test"):
        draw(CardiacSpec(1), "all")
    with pytest.raises(UserError, match="jobs: found -1"):
        write(tmp_path / "set", CardiacSpec(1), jobs=-1)


def test_command_line(tmp_path, capsys) -> None:
    arguments = [str(tmp_path / "set"), "--experiment", "1", "--train", "2", "--val", "1", "--test", "1"]
    assert main(arguments) == 0
    assert len(load_cardiac(tmp_path / "set", "train").ids) == 2
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is there already" in error
