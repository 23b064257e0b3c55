"""The known probability: shares and ceilings by integrals over the severity, and labels drawn from it."""

import numpy as np
import pytest
from scipy.integrate import quad
from sklearn.metrics import roc_auc_score

from data_gen.chest_findings import Finding, Place
from data_gen.chest_paint import KINDS as PAINTED
from data_gen.chexpert_labels import (
    KINDS,
    LABELS,
    LEAST,
    MOST,
    doubts,
    draw_truth,
    draw_written,
    probabilities,
)
from papers_lib.datasets.chexpert_table import CLASSES

NAMES = tuple(LABELS)
# Irvin et al. 2019, Table 1: shares of uncertain studies, and of positive ones (Pleural Effusion cut to .30).
UNCERTAIN = dict(zip(NAMES, (0.1566, 0.0352, 0.1278, 0.0617, 0.0502), strict=True))
AIMED = dict(zip(NAMES, (0.15, 0.12, 0.07, 0.23, 0.30), strict=True))


def finding(name: str, severity: float) -> Finding:
    return Finding(LABELS[name].kind, severity, Place(1, 0.5, 0.5), 0)


def curve(name: str, severity: float) -> float:
    return float(probabilities([finding(name, severity)])[NAMES.index(name)])


def test_labels_are_those_that_are_read_and_kinds_are_those_that_are_painted() -> None:
    assert NAMES == CLASSES
    assert len(set(KINDS)) == 5
    assert set(KINDS) <= set(PAINTED)


@pytest.mark.parametrize("name", NAMES)
def test_shares_of_labels_are_those_aimed_at(name: str) -> None:
    one, at = LABELS[name], NAMES.index(name)
    positive = (1 - one.shown) * one.absent + one.shown * quad(lambda s: curve(name, s), 0, 1)[0]
    assert positive == pytest.approx(AIMED[name], abs=0.003)
    assert one.shown == pytest.approx(1.6 * AIMED[name], abs=0.005)

    def doubt(probability: float) -> float:
        return float(doubts(np.full(5, probability))[at])

    uncertain = quad(lambda s: doubt(curve(name, s)), 0, 1, limit=200)[0]
    share = (1 - one.shown) * doubt(one.absent) + one.shown * uncertain
    assert share == pytest.approx(UNCERTAIN[name], abs=0.001)


@pytest.mark.parametrize("name", NAMES)
def test_the_ceiling_of_the_auc(name: str) -> None:
    """Of the probability itself, with every severity and its share as a weighted positive and negative."""
    one, severities = LABELS[name], (np.arange(2000) + 0.5) / 2000
    probability = np.array([one.absent, *(curve(name, s) for s in severities)])
    weight = np.array([1 - one.shown, *np.full(2000, one.shown / 2000)])
    auc = roc_auc_score(
        np.repeat([1, 0], 2001),
        np.tile(probability, 2),
        sample_weight=np.concatenate([weight * probability, weight * (1 - probability)]),
    )
    assert 0.90 < auc < 0.97


@pytest.mark.parametrize("name", NAMES)
def test_the_probability_rises_with_the_severity_within_its_range(name: str) -> None:
    values = [curve(name, s) for s in np.linspace(0, 1, 30)]
    assert (np.diff(values) > 0).all()
    assert LEAST < values[0] < 0.08
    assert 0.94 < values[-1] < MOST
    assert curve(name, LABELS[name].middle) == pytest.approx((LEAST + MOST) / 2)


def test_a_finding_moves_its_own_label_alone() -> None:
    none = probabilities([])
    both = probabilities([finding("Edema", 0.9), finding("Atelectasis", 0.1)])
    assert (both != none).tolist() == [True, False, False, True, False]
    assert both[3] == curve("Edema", 0.9)


def test_labels_are_bernoulli_draws_of_the_probability() -> None:
    generator = np.random.default_rng(0)
    probability = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    truth = np.array([draw_truth(generator, probability) for _ in range(4000)])
    assert truth[:, 0].sum() == 0
    assert truth[:, 4].all()
    assert truth.mean(0) == pytest.approx(probability, abs=0.03)
    assert abs(np.corrcoef(truth[:, 1:4].T) - np.eye(3)).max() < 0.06


def test_uncertain_labels_are_independent_of_the_label_given_the_probability() -> None:
    generator = np.random.default_rng(1)
    probability = np.full(5, 0.3)
    truth = np.array([draw_truth(generator, probability) for _ in range(6000)])
    written = np.array([draw_written(generator, probability, one) for one in truth])
    uncertain = written == -1
    assert uncertain.mean(0) == pytest.approx(doubts(probability), abs=0.03)
    for k in range(5):
        assert uncertain[truth[:, k], k].mean() == pytest.approx(uncertain[~truth[:, k], k].mean(), abs=0.05)
    assert truth[written == 1].all()
    assert not truth[(written == 0) | np.isnan(written)].any()
    stated, blank = (written == 0).sum(0), np.isnan(written).sum(0)
    expected = [one.negative for one in LABELS.values()]
    assert stated / (stated + blank) == pytest.approx(expected, abs=0.05)


def test_the_factor_of_uncertain_labels() -> None:
    probability = np.linspace(0.01, 0.99, 5)
    assert doubts(probability, 0.5) == pytest.approx(
        [one.doubt * 2 * p * (1 - p) for one, p in zip(LABELS.values(), probability, strict=True)]
    )
    assert doubts(np.full(5, 0.5), 100.0).tolist() == [0.9] * 5
    truth = np.array([True, False] * 2 + [True])
    written = draw_written(np.random.default_rng(0), np.full(5, 0.5), truth, 0.0)
    assert (written == 1).tolist() == truth.tolist()
