"""Synthetic patients and their pictures: who has which findings, for how long, and how the picture was taken.

Whether a patient has a finding at a visit is the sign of a normal variable that lies above the quantile of the
finding's prevalence. The variables of one visit are correlated, so that findings come together as in NIH
ChestX-ray14; from visit to visit each follows its last value with the correlation ``PERSISTENCE``, so that findings
stay a while. A present finding's severity is the rank of its variable among those above the quantile: uniform
between 0 and 1, and lasting like the finding.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from data_gen.chest_anatomy import Anatomy, Pose, draw_anatomy
from data_gen.chest_devices import draw_devices
from data_gen.chest_findings import Finding, Place, draw_place
from data_gen.chest_paint import Exposure, Radiograph

VISITS = (0.50, 0.17, 0.09, 0.065, 0.05, 0.04, 0.03, 0.025, 0.02, 0.01)
"""Shares of patients with 1 to 10 pictures; half of NIH's patients have one."""
PERSISTENCE = 0.75
# Of the variables behind two findings, so that pairs are about as common as in the release's Data_Entry table:
# of 11,559 images with Atelectasis and 13,317 with Effusion, 3,275 have both; Atelectasis and Infiltration 3,264;
# Effusion and Infiltration 4,000; Pneumonia and Infiltration 605 of 1,431; Nodule and Mass 906; Pneumothorax and
# Effusion 996. Pairs that are not named are independent.
CORRELATIONS = {
    ("Atelectasis", "Effusion"): 0.37,
    ("Atelectasis", "Infiltration"): 0.21,
    ("Effusion", "Infiltration"): 0.25,
    ("Infiltration", "Pneumonia"): 0.29,
    ("Mass", "Nodule"): 0.30,
    ("Effusion", "Pneumothorax"): 0.15,
    ("Cardiomegaly", "Effusion"): 0.35,
    ("Effusion", "Mass"): 0.20,
    ("Atelectasis", "Pneumonia"): 0.14,
    ("Atelectasis", "Pneumothorax"): 0.10,
}


@dataclass(frozen=True)
class Patient:
    """Who is pictured: age at the first visit in years, sex, chest, and for each kind its place in this patient."""

    age: int
    female: bool
    anatomy: Anatomy
    places: tuple[Place, ...]
    levels: np.ndarray  # visits x kinds: the normal variables behind the findings


@dataclass(frozen=True)
class Visit:
    """One picture and what the table says of it: age in years and the view, PA or AP."""

    radiograph: Radiograph
    age: int
    view: str


def visits_of(draws: np.ndarray) -> np.ndarray:
    """Numbers of pictures of patients from uniform draws between 0 and 1."""
    return 1 + np.searchsorted(np.cumsum(VISITS)[:-1], draws, side="right")


@lru_cache(maxsize=8)
def last_pictures(seed: int, part: int, count: int) -> np.ndarray:
    """For ``count`` patients of part ``part``, the number of pictures up to and with each one's last (read-only)."""
    draws = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(part,))).random(count)
    ends = np.cumsum(visits_of(draws))
    ends.flags.writeable = False
    return ends


def patient_and_visit(seed: int, part: int, count: int, index: int) -> tuple[int, int]:
    """Number of the patient of picture ``index`` of ``count``, and of the visit, both from 0."""
    if not 0 <= index < count:
        raise ValueError(f"index: found {index}, expected 0 to {count - 1}")
    ends = last_pictures(seed, part, count)
    number = int(np.searchsorted(ends, index, side="right"))
    return number, index - (int(ends[number - 1]) if number else 0)


def raised(prevalence: float, odds: float) -> float:
    """The prevalence whose odds are ``odds`` times those of ``prevalence``."""
    return odds * prevalence / (1 - prevalence + odds * prevalence)


def draw_patient(generator: np.random.Generator, kinds: tuple[str, ...]) -> Patient:
    """Draw a patient with the variables behind ``kinds`` at as many visits as ``VISITS`` allows."""
    female = bool(generator.random() < 0.44)
    age = int(np.clip(generator.normal(48, 16), 5, 90))
    anatomy = draw_anatomy(generator, female)
    root = np.linalg.cholesky(correlation(kinds))
    steps = generator.standard_normal((len(VISITS), len(kinds))) @ root.T
    levels = np.empty_like(steps)
    levels[0] = steps[0]
    for visit in range(1, len(VISITS)):
        levels[visit] = PERSISTENCE * levels[visit - 1] + np.sqrt(1 - PERSISTENCE**2) * steps[visit]
    return Patient(age, female, anatomy, tuple(draw_place(generator, kind) for kind in kinds), levels)


def correlation(kinds: tuple[str, ...]) -> np.ndarray:
    """Correlations of the variables behind ``kinds``, from ``CORRELATIONS`` (len(kinds) x len(kinds))."""
    matrix = np.eye(len(kinds))
    for (first, second), value in CORRELATIONS.items():
        if first in kinds and second in kinds:
            i, j = kinds.index(first), kinds.index(second)
            matrix[i, j] = matrix[j, i] = value
    return matrix


def findings_of(
    generator: np.random.Generator,
    patient: Patient,
    visit: int,
    kinds: tuple[str, ...],
    prevalence: tuple[float, ...],
) -> tuple[Finding, ...]:
    """Findings of a visit in the order of ``kinds``, each moved a little from its place in the patient."""
    found = []
    for kind, share, place, level in zip(
        kinds, prevalence, patient.places, patient.levels[visit], strict=True
    ):
        moved = generator.normal(0, 0.02, 2)
        texture = int(generator.integers(2**32))
        if level <= -ndtri(share):
            continue
        severity = 1 - ndtr(-level) / share
        place = Place(place.side, place.across + float(moved[0]), place.down + float(moved[1]))
        found.append(Finding(kind, float(severity), place, texture))
    return tuple(found)


def draw_visit(
    generator: np.random.Generator,
    patient: Patient,
    visit: int,
    kinds: tuple[str, ...],
    prevalence: tuple[float, ...],
) -> Visit:
    """Draw picture ``visit`` (from 0) of a patient: findings first, then all that does not depend on them."""
    findings = findings_of(generator, patient, visit, kinds, prevalence)
    bedside = bool(generator.random() < 0.4)
    age = patient.age + visit // 3
    devices = draw_devices(generator, bedside, patient.female, age)
    uniform = generator.uniform
    pose = Pose(
        scale=float(np.clip(generator.normal(0.985, 0.045), 0.86, 1.07)),
        right=float(generator.normal(0, 0.02)),
        down=float(generator.normal(0.01, 0.022)),
        turn=float(generator.normal(0, 0.04 if bedside else 0.02)),
    )
    exposure = Exposure(
        strength=float(uniform(0.9, 1.6)),
        gamma=float(uniform(0.8, 1.25)),
        black=float(uniform(0, 14)),
        white=float(uniform(225, 255)),
        veil=float(uniform(0.05, 0.22)),
        noise=float(uniform(0.8, 3.2)),
        texture=int(generator.integers(2**32)),
    )
    radiograph = Radiograph(
        anatomy=patient.anatomy,
        pose=pose,
        breath=float(uniform(-0.04, 0.0) if bedside else uniform(-0.02, 0.02)),
        arms=bool(uniform() < (0.6 if bedside else 0.15)),
        scapulae=float(uniform(0, 0.7) if bedside else uniform(0.3, 1.4)),
        clavicles=float(uniform(-0.03, 0.01)),
        bubble=float(uniform(0.02, 0.045)) if uniform() < 0.5 else 0.0,
        findings=findings,
        devices=devices,
        exposure=exposure,
    )
    return Visit(radiograph, age, "AP" if bedside else "PA")
