"""Labels of synthetic chest radiographs whose probability given the picture is known: what calibration is held against.

A label is drawn, never read off: whether a finding that shows is called one is chance, and the chance depends on
what is painted alone. With the severity s of the finding, from 0 to 1,

    P(y = 1 | x) = LEAST + (MOST - LEAST) * sigmoid(slope * (s - middle))    where one of the kind is painted
    P(y = 1 | x) = absent                                                    where none is

so a classifier that knew P would be perfectly calibrated, and no classifier separates the labels better than P does
(its AUC is the ceiling; severity shows as size and contrast, so that a model has to estimate it). Other findings of
the picture do not count.

Frozen before the first run, by shares of labels alone: no model was trained to choose a constant. ``shown`` is 1.6
times the share of positive labels that was aimed at (CheXpert's where it is from 5 to 30 %; Pleural Effusion's
40 % is cut to 30), ``middle`` then gives that share.

Uncertain labels (-1) are drawn where P is near one half, independent of the label itself:

    P(u = 1 | x) = min(0.9, doubt * 4 P (1 - P))

``doubt`` gives each label CheXpert's share of uncertain studies (Irvin et al. 2019, Table 1).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from data_gen.chest_findings import Finding

LEAST, MOST = 0.02, 0.97
"""Probabilities of a label that the slightest and the most severe findings tend to."""
SUREST = 0.9
"""Largest probability that a label is uncertain."""


@dataclass(frozen=True)
class Label:
    """How one label comes about.

    Attributes:
        kind: of finding that is painted for it.
        shown: share of pictures that show one.
        absent: probability of the label where none is painted.
        slope, middle: of the probability over the severity.
        doubt: factor of the probability that the label is uncertain.
        negative: share of the labels neither positive nor uncertain that train.csv states as 0; the others are blank.
    """

    kind: str
    shown: float
    absent: float
    slope: float
    middle: float
    doubt: float
    negative: float


LABELS: Mapping[str, Label] = {
    "Atelectasis": Label("Atelectasis", 0.24, 0.015, 9.0, 0.41, 0.973, 0.01),
    "Cardiomegaly": Label("Cardiomegaly", 0.19, 0.010, 12.0, 0.40, 0.326, 0.06),
    "Consolidation": Label("Pneumonia", 0.11, 0.010, 8.0, 0.43, 1.560, 0.16),
    "Edema": Label("Infiltration", 0.37, 0.015, 10.0, 0.39, 0.300, 0.13),
    "Pleural Effusion": Label("Effusion", 0.48, 0.020, 10.0, 0.38, 0.194, 0.28),
}
"""By the name in CheXpert, in the order of its competition."""
KINDS = tuple(one.kind for one in LABELS.values())


def probabilities(findings: Iterable[Finding]) -> np.ndarray:
    """P(y = 1 | x) of the five labels of a picture that shows ``findings``, float64 (5,).

    >>> probabilities([]).tolist()
    [0.015, 0.01, 0.01, 0.015, 0.02]
    """
    severities = {one.kind: one.severity for one in findings}
    return np.array([_probability(one, severities.get(one.kind)) for one in LABELS.values()])


def _probability(label: Label, severity: float | None) -> float:
    if severity is None:
        return label.absent
    return float(LEAST + (MOST - LEAST) * expit(label.slope * (severity - label.middle)))


def doubts(probability: np.ndarray, factor: float = 1.0) -> np.ndarray:
    """P(u = 1 | x) of the five labels from their ``probability``, (5,) or (N, 5); ``factor`` times as many.

    >>> doubts(np.array([0.0, 0.5, 0.5, 1.0, 0.5])).tolist()
    [0.0, 0.326, 0.9, 0.0, 0.194]
    """
    doubt = np.array([one.doubt for one in LABELS.values()])
    return np.minimum(SUREST, factor * doubt * 4 * probability * (1 - probability))


def draw_truth(generator: np.random.Generator, probability: np.ndarray) -> np.ndarray:
    """The five labels, each a Bernoulli draw of its own: bool (5,)."""
    return generator.random(len(LABELS)) < probability


def draw_written(
    generator: np.random.Generator, probability: np.ndarray, truth: np.ndarray, uncertain: float = 1.0
) -> np.ndarray:
    """The five labels as train.csv has them: 1, 0, -1, or NaN for a blank; float64 (5,).

    Args:
        generator: of the draws, as many whatever comes out.
        probability, truth: of the labels.
        uncertain: factor on the probabilities that a label is uncertain.
    """
    doubted, stated = generator.random((2, len(LABELS)))
    negative = np.array([one.negative for one in LABELS.values()])
    written = np.where(truth, 1.0, np.where(stated < negative, 0.0, np.nan))
    written[doubted < doubts(probability, uncertain)] = -1.0
    return written
