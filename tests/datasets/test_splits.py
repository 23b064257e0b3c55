"""Splits as properties: nobody is lost, nobody is on both sides, sizes as asked, the same for a seed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.datasets.splits import image_split, k_folds_by_patient, patient_split, shared_patients

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}
patients_lists = st.lists(st.sampled_from([str(n) for n in range(30)]), min_size=2, max_size=120)


@given(patients=patients_lists, seed=st.integers(0, 99), cut=st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_a_patient_is_in_one_part_and_sizes_are_within_one_patient(patients, seed, cut):
    shares = {"train": cut, "test": 1 - cut}
    parts = patient_split(patients, shares, seed)
    assert len({(p, str(part)) for p, part in zip(patients, parts, strict=True)}) == len(set(patients))
    most = max(Counter(patients).values())
    for name, share in shares.items():
        assert abs((parts == name).sum() - share * len(patients)) <= most / 2 + 1e-6
    names = np.array(patients)
    assert shared_patients(names[parts == "train"], names[parts == "test"]) == 0


@given(patients=patients_lists, seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_images_does_not_matter(patients, seed):
    order = np.random.default_rng(seed).permutation(len(patients))
    shuffled = [patients[i] for i in order]
    assert (patient_split(shuffled, SHARES, seed) == patient_split(patients, SHARES, seed)[order]).all()
    if len(set(patients)) > 1:
        assert (k_folds_by_patient(shuffled, 2, seed) == k_folds_by_patient(patients, 2, seed)[order]).all()


@given(n=st.integers(0, 300), seed=st.integers(0, 99), first=st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_parts_by_image_have_the_rounded_sizes(n, seed, first):
    parts = image_split(n, {"a": first, "b": 1 - first}, seed)
    assert (parts == "a").sum() == np.rint(first * n)
    assert len(parts) == n


def test_the_sizes_of_the_authors_lists():
    shares = {"train": 78484 / 86524, "val": 8040 / 86524}
    counts = Counter(image_split(86524, shares, seed=0).tolist())
    assert counts == {"train": 78484, "val": 8040}


@given(patients=patients_lists, seed=st.integers(0, 99), k=st.integers(2, 6))
@settings(max_examples=100, deadline=None)
def test_folds_share_no_patient_and_are_even(patients, seed, k):
    if len(set(patients)) < k:
        with pytest.raises(ValueError, match=f"k: found {k}, expected 2 to {len(set(patients))}"):
            k_folds_by_patient(patients, k, seed)
        return
    folds = k_folds_by_patient(patients, k, seed)
    assert len(set(zip(patients, folds.tolist(), strict=True))) == len(set(patients))
    sizes = np.bincount(folds, minlength=k)
    assert len(sizes) == k
    assert sizes.min() > 0
    assert sizes.max() - sizes.min() <= max(Counter(patients).values())


def test_a_patient_with_many_images_is_evened_out_by_the_others():
    patients = ["big"] * 10 + [str(n) for n in range(10)]
    for seed in range(5):
        assert np.bincount(k_folds_by_patient(patients, 2, seed)).tolist() == [10, 10]


def test_seeds_differ_and_repeat():
    patients = [str(n // 3) for n in range(300)]
    for split in (
        lambda seed: patient_split(patients, SHARES, seed),
        lambda seed: image_split(300, SHARES, seed),
        lambda seed: k_folds_by_patient(patients, 5, seed),
    ):
        assert (split(1) == split(1)).all()
        assert (split(1) != split(2)).any()


def test_by_image_patients_are_shared_and_counted():
    patients = np.array([str(n // 3) for n in range(3000)])
    parts = image_split(3000, {"train": 0.5, "val": 0.5}, seed=0)
    shared = shared_patients(patients[parts == "train"], patients[parts == "val"])
    assert 700 < shared < 800  # all three images on one side: 2 of 8 patients
    assert shared_patients(["7"], np.array(["7", "8"])) == 1


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": float("nan"), "b": 1.0}])
def test_shares_that_are_none_are_named(shares):
    for call in (lambda: patient_split(["1"], shares, 0), lambda: image_split(1, shares, 0)):
        with pytest.raises(ValueError, match="shares: found"):
            call()


def test_no_image_and_a_part_of_nothing():
    assert len(patient_split([], SHARES, 0)) == len(image_split(0, SHARES, 0)) == 0
    assert set(patient_split(["1", "2"], {"train": 1.0, "val": 0.0}, 0)) == {"train"}
    assert set(image_split(9, {"val": 0.0, "train": 1.0}, 0)) == {"train"}
    with pytest.raises(ValueError, match="k: found 1"):
        k_folds_by_patient(["1", "2"], 1, 0)
