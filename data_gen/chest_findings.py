"""Findings of a synthetic chest radiograph: which there are, how severe, where; sizes as NIH's boxes have them.

Two kinds that NIH does not have, Calcification and Aortic enlargement, serve ``data_gen.chest_vindr``.

Severity is a number between 0 and 1. It is the share of all findings of the kind that are less severe, and sets
size and contrast; the size of a finding is what makes its box, on average over severities drawn evenly, take the
share of the picture that the paper prints (Table 1, from NIH's boxes), spread like a log-normal.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

NIH = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
)
"""The eight findings of NIH ChestX-ray14 that have boxes."""

PREVALENCE = dict(zip(NIH, (0.103, 0.025, 0.119, 0.177, 0.052, 0.056, 0.013, 0.047), strict=True))
"""Shares of NIH's 112,120 images."""

AREA = dict(zip(NIH, (0.032, 0.176, 0.069, 0.097, 0.042, 0.005, 0.094, 0.052), strict=True))
"""Mean area of a box as a share of the picture (paper, Table 1)."""


@dataclass(frozen=True)
class Place:
    """Where a finding lies: side -1 or 1 of the picture (0: both lungs), ``across`` and ``down`` of a lung."""

    side: int
    across: float
    down: float


@dataclass(frozen=True)
class Finding:
    """A finding to draw; ``texture`` seeds what is random in its look, ``size`` is a factor on the area asked for."""

    kind: str
    severity: float
    place: Place
    texture: int
    size: float = 1.0

    def between(self, least: float, most: float) -> float:
        """Value that goes with the severity from ``least`` to ``most``."""
        return least + (most - least) * self.severity


@dataclass(frozen=True)
class _Look:
    """Median area asked for (share of the picture), deviation of its logarithm, largest area, width over height
    with the deviation of its logarithm, ranges of across and down; the chance of lying in both lungs."""

    area: float
    spread: float
    most: float
    aspect: float
    turn: float
    across: tuple[float, float]
    down: tuple[float, float]
    both: float = 0.0


# Areas asked for are those whose boxes, cut by the lungs' borders, have the means of AREA.
LOOKS = {
    "Atelectasis": _Look(0.0325, 0.70, 0.16, 1.50, 0.45, (0.35, 0.65), (0.55, 0.85)),
    "Calcification": _Look(0.0160, 0.55, 0.035, 1.0, 0.3, (0.15, 0.85), (0.15, 0.85)),
    "Effusion": _Look(0.0570, 0.80, 0.22, 0.85, 0.30, (1.0, 1.0), (1.0, 1.0)),
    "Infiltration": _Look(0.1280, 0.70, 0.45, 0.95, 0.25, (0.35, 0.65), (0.35, 0.80), both=0.22),
    "Mass": _Look(0.0465, 0.65, 0.18, 0.95, 0.15, (0.35, 0.65), (0.25, 0.75)),
    "Nodule": _Look(0.0066, 0.45, 0.0130, 1.0, 0.08, (0.2, 0.85), (0.22, 0.82)),
    "Pneumonia": _Look(0.1160, 0.65, 0.45, 0.90, 0.25, (0.35, 0.65), (0.45, 0.85), both=0.22),
    "Pneumothorax": _Look(0.0310, 0.75, 0.20, 0.75, 0.25, (1.0, 1.0), (0.0, 0.0)),
}


def draw_place(generator: np.random.Generator, kind: str) -> Place:
    """Draw where a finding of ``kind`` lies; kinds without a place of their own get the middle of the chest."""
    side = int(generator.choice((-1, 1)))
    both, across, down = generator.random(3)
    look = LOOKS.get(kind)
    if look is None:
        return Place(0, 0.5, 0.5)
    return Place(
        0 if both < look.both else side,
        look.across[0] + across * (look.across[1] - look.across[0]),
        look.down[0] + down * (look.down[1] - look.down[0]),
    )


def asked_size(finding: Finding, generator: np.random.Generator) -> tuple[float, float]:
    """Width and height to draw a finding with, in shares of the picture's side, before the lungs cut it.

    A finding in both lungs is three times as large as one of its severity in one lung.
    """
    look = LOOKS[finding.kind]
    severity = min(max(finding.severity, 0.01), 0.99)
    area = min(look.area * np.exp(look.spread * ndtri(severity)), look.most)
    aspect = look.aspect * np.exp(look.turn * generator.standard_normal())
    if finding.place.side == 0:
        area, aspect = max(3 * area, 0.2), 1.9 * aspect**0.5
    area *= finding.size
    return float(np.sqrt(area * aspect)), float(np.sqrt(area / aspect))
