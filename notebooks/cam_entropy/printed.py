"""The numbers that the paper prints, read from ``printed/authors.yaml``, and what follows from them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from papers_lib.companion.yaml_files import read_yaml

Numbers = Mapping[str, Any]
COLUMNS = ("beta0", "beta100")


def read_numbers() -> Numbers:
    """The printed numbers by section."""
    return dict(read_yaml(Path(__file__).parent / "printed" / "authors.yaml"))


def largest_dispersion(low: float, high: float) -> float:
    """Largest σ²/μ² of a map within [low, high] = [a, b]: (b - a)² / 4ab, since σ² <= (b - μ)(μ - a).

    >>> largest_dispersion(1.0, 2.0)
    0.125
    """
    return (high - low) ** 2 / (4 * low * high)


def least_entropy_share(low: float, high: float, cells: int) -> float:
    """Bound of ce / ln n from below for a map of n cells within [low, high].

    It is least for a map of two values: ln n - ce <= s - 1 - ln s, r = high / low and s = r ln r / (r - 1).

    >>> round(least_entropy_share(1.0, 2.0, 36), 5)  # s = 2 ln 2: 1 - .05966 / 3.58352
    0.98335
    """
    r = high / low
    s = r * math.log(r) / (r - 1)
    return 1 - (s - 1 - math.log(s)) / math.log(cells)


def least_area(low: float, high: float, side: int) -> float:
    """Bound of ca from below for a square map within [low, high], in cells: low / high times that of a constant map.

    A constant map's variance is (side² - 1) / 12 along each axis; the map is a mixture of one, weighted low / high.

    >>> round(least_area(1.0, 2.0, 6), 4)
    1.4583
    """
    return low / high * (side**2 - 1) / 12


def deviations(numbers: Numbers) -> str:
    """What does not fit together in the printed numbers, as Markdown: each number is computed."""
    table, text = numbers["table1"], numbers["text"]
    side = int(numbers["setup"]["picture_px"]) // int(numbers["network"]["stride_px"])
    ends = [(table["min_map"][column], table["max_map"][column]) for column in COLUMNS]
    most_cd = [largest_dispersion(*end) for end in ends]
    least_ce = [least_entropy_share(*end, side**2) for end in ends]
    least_ca = [least_area(*end, side) for end in ends]
    cd, ce, ca = ([table[row][column] for column in COLUMNS] for row in ("cd", "ce", "ca"))
    low, high = ends[0]
    sentences = [
        f"Table I's cd ({cd[0]} and {cd[1]}) is not σ²/μ² of equation 3: a map with the printed extremes has at most "
        f"{most_cd[0]:.3f} and {most_cd[1]:.3f}. As σ/μ it fits (at most {most_cd[0] ** 0.5:.3f} and "
        f"{most_cd[1] ** 0.5:.3f}).",
        f"Its ce ({ce[0]} and {ce[1]}) is neither the entropy nor the entropy over ln {side**2}: with these "
        f"extremes the latter is at least {least_ce[0]:.3f} and {least_ce[1]:.3f}.",
        f"Its ca ({ca[0]} and {ca[1]}) is out of reach on {side} × {side} cells, where such maps have at least "
        f"{least_ca[0]:.2f} and {least_ca[1]:.2f}.",
        f"The sample of Table I is not the mean of the text: its area changes by {ca[1] / ca[0] - 1:.0%} (text: "
        f"{text['area_change']['value']:.0%}), its cd by the factor {cd[1] / cd[0]:.1f} (text: "
        f"{text['dispersion_factor']['value']}), and its relative difference at β = 0 is {high / low - 1:.0%} (text: "
        f"{text['relative']['beta0']:.0%}, which is the absolute one).",
    ]
    return "\n".join(f"- {sentence}" for sentence in sentences)
