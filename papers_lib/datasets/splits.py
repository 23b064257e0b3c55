"""Splits of a data set into parts, by patient or by image: the same ones for a seed on every machine."""

from collections.abc import Mapping, Sequence
from math import fsum

import numpy as np

Patients = Sequence[str] | np.ndarray


def patient_split(patients: Patients, shares: Mapping[str, float], seed: int) -> np.ndarray:
    """The part of each image, whole patients at a time: str (N,), whatever the order of the images.

    ``shares`` are of the images, by part, and sum to 1; a part misses its share by at most one patient's images.
    """
    ends = _ends(shares)
    owner, counts = _grouped(patients)
    order = np.random.default_rng(seed).permutation(len(counts))
    # A patient belongs where the middle of his images lies: half of them on either side of the cut at worst.
    middle = np.empty(len(counts))
    middle[order] = np.cumsum(counts[order]) - counts[order] / 2
    part = np.searchsorted(ends * max(len(owner), 1), middle, side="left")
    return np.array(list(shares))[part][owner]


def image_split(n: int, shares: Mapping[str, float], seed: int) -> np.ndarray:
    """The part of each of ``n`` images, drawn image by image: str (n,); sizes are the shares of ``n``, rounded."""
    ends = np.rint(_ends(shares) * n).astype(np.int64)
    ends[-1] = n
    place = np.random.default_rng(seed).permutation(n)
    return np.array(list(shares))[np.searchsorted(ends, place, side="right")]


def k_folds_by_patient(patients: Patients, k: int, seed: int) -> np.ndarray:
    """The fold (0 to k - 1) of each image, whole patients at a time, those with many images first: int64 (N,)."""
    owner, counts = _grouped(patients)
    if not 2 <= k <= len(counts):
        raise ValueError(f"k: found {k}, expected 2 to {len(counts)}, the number of patients")
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts[order], kind="stable")]
    sizes, fold = np.zeros(k, np.int64), np.empty(len(counts), np.int64)
    for patient in order:
        fold[patient] = sizes.argmin()
        sizes[fold[patient]] += counts[patient]
    return fold[owner]


def shared_patients(a: Patients, b: Patients) -> int:
    """How many patients have images in both parts; 0 where a split was made by patient."""
    return len(set(map(str, a)) & set(map(str, b)))


def _ends(shares: Mapping[str, float]) -> np.ndarray:
    """Where each part ends, as shares of the whole."""
    values = list(shares.values())
    if not values or not all(0 <= value <= 1 for value in values) or abs(fsum(values) - 1) > 1e-9:
        raise ValueError(f"shares: found {dict(shares)}, expected numbers from 0 to 1 that sum to 1")
    ends = np.cumsum(values)
    ends[-1] = 1
    return ends


def _grouped(patients: Patients) -> tuple[np.ndarray, np.ndarray]:
    """Number of the patient of each image, patients sorted by name; images of each patient."""
    _, owner, counts = np.unique(np.asarray(patients, np.str_), return_inverse=True, return_counts=True)
    return owner, counts
