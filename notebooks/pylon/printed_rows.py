"""A check of the printed PYLON numbers, and the names that the checks share."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from pylon.printed_counts import Standing, methods_of, standing

BASELINE, FPN, PYLON, TWO_PHASE = "Baseline", "FPN", "PYLON", "PYLON two-phase"
GRAD_CAMS = ("GradCAM", "GradCAM++", "XGradCAM")
SEGMENTATION = ("PAN", "UNET", FPN, "DeeplabV3+")
WITH_TRANSFER = ("Baseline with transfer", "PYLON with transfer", TWO_PHASE)  # columns of Table 3
AGREES, DIFFERS = "agrees", "differs"


class Check(NamedTuple):
    """A row of the page's table, and the numbers behind it by name."""

    check: str
    where: str
    says: str
    gives: str
    finding: str
    values: dict[str, float]


def rivals_of(table: pd.DataFrame, method: str) -> list[str]:
    """The methods that ``method`` competes with: no other PYLON, and none with transfer for the PYLON without.

    >>> rivals_of(pd.DataFrame(columns=["FPN", "PYLON", "Baseline with transfer", "PYLON two-phase"]), "PYLON")
    ['FPN']
    """
    others = [name for name in methods_of(table) if not name.startswith(PYLON)]
    return [name for name in others if name not in WITH_TRANSFER] if method == PYLON else others


def against_all(table: pd.DataFrame, method: str) -> Standing:
    """``method`` against the best of its rivals, class by class."""
    return standing(table, method, rivals_of(table, method))


def verdict(agrees: bool) -> str:
    """The finding of a check that can only hold or fail."""
    return AGREES if agrees else DIFFERS


def listed(names: Sequence[object], none: str = "none") -> str:
    """Names as a phrase.

    >>> listed(["Boat", "sofa", "train"]), listed([])
    ('Boat, sofa and train', 'none')
    """
    words = [str(name) for name in names]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or none
