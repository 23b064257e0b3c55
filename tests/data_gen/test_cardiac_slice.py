import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_gen.cardiac_patient import Patient, draw_patient
from data_gen.cardiac_slice import paint_slice
from papers_lib.datasets.cardiac_layout import CLASSES, LV_CAVITY, LV_WALL, RV_CAVITY, RV_WALL, SEX_LABEL

PLAIN = Patient("NOR", "", True, 1.0, 40.0, 18.0, 10.0, 4.0, 7.0, 3.0, None, None)


def paint(patient: Patient = PLAIN, label: bool = False, seed: int = 0):
    return paint_slice(np.random.default_rng(seed), patient, label)


def disc_pixels(radius: float) -> int:
    """Lattice points nearer than ``radius`` to the origin, counted one by one."""
    reach = range(-math.ceil(radius), math.ceil(radius) + 1)
    return sum(math.hypot(x, y) < radius for x in reach for y in reach)


@given(
    seed=st.integers(0, 2**32),
    disease=st.sampled_from(CLASSES),
    experiment=st.sampled_from([1, 2]),
)
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


class Extreme:
    """In place of a generator: a male, and every normal draw ``z`` standard deviations off its mean."""

    def __init__(self, z: float) -> None:
        self.z = z

    def random(self) -> float:
        return 0.0

    def normal(self, mean: float, sd: float) -> float:
        return mean + self.z * sd


def test_the_largest_heart_still_fits() -> None:
    patient = draw_patient(Extreme(8), "DCM", 1)
    assert patient.size_multiplier < 1.3 + 8 * 0.15
    _, mask = paint(patient)
    assert np.isin(mask, (LV_CAVITY, LV_WALL)).sum() == disc_pixels(patient.lv_radius + patient.lv_wall)
    assert np.isin(mask, (RV_CAVITY, RV_WALL)).sum() == disc_pixels(patient.rv_radius + patient.rv_wall)


def test_the_smallest_heart_still_has_all_parts_and_no_bar() -> None:
    patient = draw_patient(Extreme(-8), "HCM", 1)
    assert (patient.size_multiplier, patient.body_fat) == (0.4, 0.0)
    image, mask = paint(patient)
    assert set(np.unique(mask)) == {0, LV_CAVITY, LV_WALL, RV_CAVITY, RV_WALL}
    assert not image[mask == 0].any()


def test_a_patient_worked_by_hand() -> None:
    image, mask = paint()
    # Outer radii 14 and 10: columns 27 + 19 = 46, so 44 at the left; rows 18 + 27 = 45, so 30 above.
    heart = mask > 0
    assert np.flatnonzero(heart.any(0))[[0, -1]].tolist() == [44, 89]
    assert np.flatnonzero(heart.any(1))[[0, -1]].tolist() == [48, 74]
    # 40 % body fat: 35 columns from (135 - 35) / 2 = 50.
    rows, columns = np.nonzero((image > 0) & ~heart)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (30, 33, 50, 84)


def test_the_label_is_a_box_one_pixel_from_the_lower_right_corner() -> None:
    image, mask = paint(label=True)
    rows, columns = np.nonzero(mask == SEX_LABEL)
    assert len(rows) == 81
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (95, 103, 125, 133)
    # |Normal(0, 2)| below 255 at half of the pixels: the mean is 255 - 2 / sqrt(2 pi) = 254.2.
    assert image[mask == SEX_LABEL].mean() == pytest.approx(254.2, abs=4 * 1.2 / 9)


def test_no_body_fat_is_no_bar() -> None:
    image, mask = paint(replace(PLAIN, body_fat=0.0))
    assert not image[mask == 0].any()


def test_plain_tissue_has_its_grey_level_and_noise() -> None:
    slices = [paint(seed=seed) for seed in range(20)]
    images, masks = np.array([image for image, _ in slices]), np.array([mask for _, mask in slices])
    parts = {0.9 * 255: (masks == 0) & (images > 0)}
    parts |= {
        0.8 * 255: np.isin(masks, (LV_CAVITY, RV_CAVITY)),
        0.2 * 255: np.isin(masks, (LV_WALL, RV_WALL)),
    }
    for level, where in parts.items():
        values = images[where].astype(float)
        # Rounding adds a variance of 1/12.
        sd = math.sqrt(2**2 + 1 / 12)
        assert values.mean() == pytest.approx(level, abs=4 * sd / math.sqrt(values.size))
        assert values.std() == pytest.approx(sd, rel=4 / math.sqrt(2 * values.size))


@pytest.mark.parametrize(("side", "label"), [("lv", LV_WALL), ("rv", RV_WALL)])
def test_a_fatty_wall_is_uniform_up_to_its_level(side: str, label: int) -> None:
    patient = replace(PLAIN, **{f"{side}_wall_fat": 0.8})
    values = np.concatenate(
        [image[mask == label] for image, mask in (paint(patient, seed=s) for s in range(20))]
    )
    low, high = 51.0, 51.0 + 0.8 * (229.5 - 51.0)
    sd = (high - low) / math.sqrt(12)
    assert (values.min(), values.max()) == (51, round(high))
    assert values.mean() == pytest.approx((low + high) / 2, abs=4 * sd / math.sqrt(values.size))
    assert values.std() == pytest.approx(sd, rel=0.03)
