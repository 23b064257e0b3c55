"""Slices with the authors' printed means, and hearts that are whole, centred and touching."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_gen.cardiac_mri import CardiacSpec, draw, toggle_sex_label, write
from data_gen.cardiac_slice import Patient, draw_patient, paint_slice
from papers_lib.datasets.cardiac import (
    CLASSES,
    LABELS,
    LV_CAVITY,
    LV_WALL,
    RV_CAVITY,
    RV_WALL,
    SEXES,
    load_cardiac,
)

N = 2000
AUTHORS_N = 10_000  # the printed areas come from that many slices
MEAN = {1: -0.847, 2: -0.882}
HEART = {1: 0.129, 2: 0.091}


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


def test_the_label_marks_the_males_of_experiment_2_only(drawn) -> None:
    for experiment, (_, masks, table) in drawn.items():
        labelled = (masks == LABELS["sex label"]).any((1, 2))
        male = np.array([row["sex"] == "M" for row in table])
        assert (labelled == (male & (experiment == 2))).all()
        assert 0 < male.sum() < N


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


def paint(patient: Patient, label: bool = False, seed: int = 0):
    return paint_slice(np.random.default_rng(seed), patient, label)


def disc_pixels(radius: float) -> int:
    """Lattice points nearer than ``radius`` to the origin, counted one by one."""
    reach = range(-math.ceil(radius), math.ceil(radius) + 1)
    return sum(math.hypot(x, y) < radius for x in reach for y in reach)


@given(seed=st.integers(0, 2**32), disease=st.sampled_from(CLASSES), experiment=st.sampled_from([1, 2]))
@example(seed=2**32, disease="ARV", experiment=1)  # the right ventricle is the taller one
@settings(max_examples=60, deadline=None)
def test_every_slice_is_whole_centred_and_touching(seed, disease, experiment) -> None:
    patient = draw_patient(np.random.default_rng(seed), disease, experiment)
    image, mask = paint(patient, experiment == 2 and patient.male, seed)
    left, right = np.isin(mask, (LV_CAVITY, LV_WALL)), np.isin(mask, (RV_CAVITY, RV_WALL))
    # Nothing is cut off or covered: each part has as many pixels as its disc.
    assert (mask == LV_CAVITY).sum() == disc_pixels(patient.lv_radius)
    assert left.sum() == disc_pixels(patient.lv_radius + patient.lv_wall)
    assert (mask == RV_CAVITY).sum() == disc_pixels(patient.rv_radius)
    assert right.sum() == disc_pixels(patient.rv_radius + patient.rv_wall)
    # The right ventricle begins in the column after the left one's last, in the row of both centres.
    columns = np.flatnonzero(left.any(0)), np.flatnonzero(right.any(0))
    assert columns[0].max() + 1 == columns[1].min()
    row = (np.flatnonzero(left.any(1))[[0, -1]].sum()) // 2
    assert left[row, columns[0].max()]
    assert right[row, columns[1].min()]
    # Heart and bar are centred across; bar and left ventricle together from top to bottom.
    assert abs(columns[0].min() - (134 - columns[1].max())) <= 1
    bar = (image > 0) & (mask == 0)
    if bar.any():
        rows, across = np.flatnonzero(bar.any(1)), np.flatnonzero(bar.any(0))
        assert len(rows) == 4
        assert bar.sum() == 4 * round(patient.body_fat * patient.size_multiplier * 70 / 80)
        assert abs(across.min() - (134 - across.max())) <= 1
        assert rows.max() < np.flatnonzero((left | right).any(1)).min()
        left_rows = np.flatnonzero(left.any(1))
        assert left_rows.min() - rows.min() == round(patient.skin_distance)
        assert abs(rows.min() - (104 - left_rows.max())) <= 1
    assert (image[mask > 0] > 0).all()
