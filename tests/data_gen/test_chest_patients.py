"""Who has what: prevalences, findings that come together and that last, as numbers set beside NIH's."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ndtri

from data_gen.chest import ChestSpec, patient_of
from data_gen.chest_findings import NIH, PREVALENCE
from data_gen.chest_patients import (
    CORRELATIONS,
    VISITS,
    correlation,
    draw_patient,
    findings_of,
    raised,
    visits_of,
)


@pytest.fixture(scope="module")
def levels() -> np.ndarray:
    """The variables behind the findings (patients x visits x kinds)."""
    generator = np.random.default_rng(4)
    return np.stack([draw_patient(generator, NIH).levels for _ in range(4000)])


def odds_ratio(first: np.ndarray, second: np.ndarray) -> float:
    both, neither = (first & second).sum(), (~first & ~second).sum()
    return both * neither / ((first & ~second).sum() * (~first & second).sum())


def test_prevalences_are_those_of_nih(levels) -> None:
    shares = np.array(list(PREVALENCE.values()))
    found = (levels > -ndtri(shares)).mean((0, 1))
    assert found == pytest.approx(shares, rel=0.15)
    # Images with none of the eight; with the release's other six findings besides, .54 of its images have none.
    assert 0.54 < (levels <= -ndtri(shares)).all(2).mean() < 0.62


def test_the_factor_raises_odds() -> None:
    spec = ChestSpec(1, 0, odds=3.0)
    assert spec.prevalence[NIH.index("Effusion")] == pytest.approx(3 * 0.119 / (1 + 2 * 0.119))
    assert ChestSpec(1, 0, odds=1).prevalence == pytest.approx(tuple(PREVALENCE.values()))
    assert raised(0.5, 4.0) == 0.8


@pytest.mark.parametrize(
    ("pair", "count", "counts"),
    [
        (("Atelectasis", "Effusion"), 3275, (11559, 13317)),
        (("Effusion", "Infiltration"), 4000, (13317, 19894)),
        (("Infiltration", "Pneumonia"), 605, (19894, 1431)),
        (("Mass", "Nodule"), 906, (5782, 6331)),
    ],
)
def test_findings_come_together_as_in_nih(levels, pair, count: int, counts) -> None:
    total = 112120
    theirs = count * (total - sum(counts) + count) / ((counts[0] - count) * (counts[1] - count))
    found = [levels[..., NIH.index(kind)] > -ndtri(PREVALENCE[kind]) for kind in pair]
    assert odds_ratio(*found) > 1.5
    assert np.log(odds_ratio(*found)) == pytest.approx(np.log(theirs), abs=0.25)


def test_findings_last(levels) -> None:
    """Most often a finding is still there at the next visit, far above its prevalence."""
    for kind in ("Effusion", "Infiltration", "Nodule"):
        sick = levels[..., NIH.index(kind)] > -ndtri(PREVALENCE[kind])
        again = sick[:, 1:][sick[:, :-1]].mean()
        assert again > 3 * PREVALENCE[kind]
        assert again < 0.8


def test_severities_are_even_and_last(levels) -> None:
    generator = np.random.default_rng(1)
    severities, kept = [], []
    for _ in range(800):
        patient = draw_patient(generator, NIH)
        visits = [
            {one.kind: one for one in findings_of(generator, patient, visit, NIH, (0.3,) * 8)}
            for visit in (0, 1)
        ]
        severities += [one.severity for one in visits[0].values()]
        for kind, one in visits[0].items():
            if kind in visits[1]:
                then = visits[1][kind]
                kept.append((one.severity, then.severity))
                assert then.place.side == one.place.side
                assert 0 < abs(then.place.across - one.place.across) < 0.15
    assert np.quantile(severities, (0.25, 0.5, 0.75)) == pytest.approx((0.25, 0.5, 0.75), abs=0.04)
    assert np.corrcoef(np.transpose(kept))[0, 1] > 0.3


def test_patients_have_1_to_10_pictures_in_a_row() -> None:
    assert sum(VISITS) == pytest.approx(1)
    counts = visits_of(np.random.default_rng(0).random(20_000))
    assert np.bincount(counts, minlength=11)[1:] / 20_000 == pytest.approx(VISITS, abs=0.012)
    spec = ChestSpec(500, 0)
    places = [patient_of(spec, "train_val", index) for index in range(500)]
    for (patient, visit), (after, then) in pairwise(places):
        assert (after, then) in {(patient, visit + 1), (patient + 1, 0)}


def test_correlations_make_a_distribution() -> None:
    matrix = correlation(NIH)
    assert np.linalg.eigvalsh(matrix).min() > 0
    assert matrix[NIH.index("Atelectasis"), NIH.index("Effusion")] == 0.37
    assert (matrix == matrix.T).all()
    assert {kind for pair in CORRELATIONS for kind in pair} <= set(NIH)
    assert correlation(("Nodule", "Effusion")).tolist() == [[1, 0], [0, 1]]
