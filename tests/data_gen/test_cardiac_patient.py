import numpy as np
import pytest

from data_gen.cardiac_patient import draw_patient

N = 3000
SIZES = ("lv_radius", "lv_wall", "rv_radius", "rv_wall")
# Multiples of a normal heart's sizes, as printed in the description of the generator.
FACTORS = {"NOR": (1, 1, 1, 1), "DCM": (1.8, 0.8, 1.2, 0.9), "HCM": (0.4, 2.2, None, 1)}
NORMAL = (3.5 / 17 * 25, 1.5 / 17 * 25, 2.5 / 17 * 25, 1 / 17 * 25)


def patients(disease: str, experiment: int, n: int = N):
    generator = np.random.default_rng(3)
    return [draw_patient(generator, disease, experiment) for _ in range(n)]


def assert_mean(values, mean: float, sd: float) -> None:
    """The mean lies within four standard errors, the spread within 10 %."""
    assert np.mean(values) == pytest.approx(mean, abs=4 * sd / np.sqrt(len(values)))
    assert np.std(values) == pytest.approx(sd, rel=0.1)


@pytest.mark.parametrize("disease", FACTORS)
def test_sizes_are_twice_the_tabulated_ones(disease: str) -> None:
    drawn = patients(disease, 2, 1000)
    for name, factor, normal in zip(SIZES, FACTORS[disease], NORMAL, strict=True):
        if factor is not None:
            x = factor * normal
            assert_mean([getattr(patient, name) for patient in drawn], 2 * x, 0.02 * x)


def test_a_sixth_of_hcm_has_a_larger_right_ventricle() -> None:
    large = np.array([patient.rv_radius for patient in patients("HCM", 2)]) > 2 * 1.1 * NORMAL[2]
    assert large.mean() == pytest.approx(0.16, abs=4 * np.sqrt(0.16 * 0.84 / N))


def test_the_variants_of_arv() -> None:
    drawn = patients("ARV", 2)
    fatty = [patient for patient in drawn if patient.variant == "fatty"]
    fibro = [patient for patient in drawn if patient.variant == "fatty-fibro"]
    assert len(fatty) + len(fibro) == N
    assert len(fatty) / N == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(N))
    for group, low, high in ((fatty, 0.7, 0.9), (fibro, 0.3, 0.8)):
        levels = [patient.rv_wall_fat for patient in group]
        assert low <= min(levels) < low + 0.01
        assert high - 0.01 < max(levels) <= high
        assert_mean([patient.rv_radius for patient in group], 3 * NORMAL[2], 0.03 * NORMAL[2])
    assert_mean([patient.lv_wall for patient in fatty], 2 * NORMAL[1], 0.02 * NORMAL[1])
    assert_mean([patient.lv_wall for patient in fibro], 1.8 * NORMAL[1], 0.018 * NORMAL[1])
    large = np.array([patient.lv_radius for patient in fibro]) > 2 * 1.1 * NORMAL[0]
    assert large.mean() == pytest.approx(0.1, abs=4 * 0.3 / np.sqrt(len(fibro)))
    lv_fat = [patient.lv_wall_fat for patient in drawn if patient.lv_wall_fat is not None]
    assert len(lv_fat) / N == pytest.approx(0.1, abs=4 * 0.3 / np.sqrt(N))
    assert 0 <= min(lv_fat) < 0.02 < 0.38 < max(lv_fat) <= 0.4


@pytest.mark.parametrize("disease", ["NOR", "HCM", "DCM"])
def test_only_arv_has_variants_and_fatty_walls(disease: str) -> None:
    for patient in patients(disease, 1, 100):
        assert (patient.variant, patient.lv_wall_fat, patient.rv_wall_fat) == ("", None, None)


@pytest.mark.parametrize(("disease", "share"), [("NOR", 0.5), ("HCM", 0.6), ("DCM", 0.5), ("ARV", 2.7 / 3.7)])
def test_male_shares(disease: str, share: float) -> None:
    males = np.mean([patient.male for patient in patients(disease, 2)])
    assert males == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / N))


@pytest.mark.parametrize(("disease", "more"), [("NOR", 0), ("DCM", 2)])
def test_in_experiment_1_size_and_body_fat_depend_on_sex(disease: str, more: float) -> None:
    drawn = patients(disease, 1)
    for male, size, fat, fat_sd in ((True, 1.3, 26, 7.9), (False, 1.0, 36.4, 9.7)):
        group = [patient for patient in drawn if patient.male is male]
        assert_mean([patient.size_multiplier for patient in group], size, 0.15)
        assert_mean([patient.body_fat for patient in group], fat + more, fat_sd)
        assert all(patient.skin_distance == pytest.approx(10 * patient.size_multiplier) for patient in group)


@pytest.mark.parametrize(("disease", "more"), [("ARV", 0), ("DCM", 2)])
def test_in_experiment_2_they_do_not(disease: str, more: float) -> None:
    drawn = patients(disease, 2)
    for male in (True, False):
        group = [patient for patient in drawn if patient.male is male]
        assert {(patient.size_multiplier, patient.skin_distance) for patient in group} == {(1.0, 18.0)}
        assert_mean([patient.body_fat for patient in group], 31 + more, 9)
