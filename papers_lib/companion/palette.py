"""Colours of every figure: by role, told apart by colour-blind readers, on a light and on a dark page."""

from collections.abc import Mapping, Sequence
from typing import Any

INK = "#010203"
"""The colour of text, axes and ticks while a figure is drawn; in the page it becomes ``currentColor``."""

HEAT = "inferno"
"""Perceptually uniform colour map of every heat map."""

_HUES = {
    "proposed": ("#0062C8", "#7A90EA"),  # blue
    "baseline": ("#D55E00", "#F0803C"),  # vermillion
    "variant": ("#00694A", "#3DEB9C"),  # bluish green
    "second variant": ("#93226F", "#CB80B8"),  # reddish purple
    "third variant": ("#6B4C0F", "#F0C43A"),  # brown
    "fourth variant": ("#0098BA", "#78C6F8"),  # sky blue
    "reference": ("#85878A", "#A0A09A"),  # grey: chance, priors, ceilings, values printed in the paper
}
PALETTE: dict[str, str] = {role: light for role, (light, _) in _HUES.items()}
"""Colours by the role of a group of runs: Okabe and Ito's hues (2008), with lightnesses so far apart that each
pair stays apart with any one kind of cone missing, and each colour has a contrast of 3 or more on a light page."""

DARK: dict[str, str] = {role: dark for role, (_, dark) in _HUES.items()}
"""What the page shows for each colour of ``PALETTE`` in its dark theme."""

MARKERS = ("o", "s", "^", "v", "P", "X", "D")
"""Second cue beside the colour of dots, in the order of the groups of a figure."""

DASHES: tuple[Any, ...] = ("", (4, 1.5), (1, 1), (6, 1.5, 1, 1.5), (3, 1, 3, 2.5), (8, 2), (1, 2.5))
"""Second cue beside the colour of lines, in seaborn's form: on and off lengths in line widths; "" is solid."""

_GROUPS = {
    "proposed": ("heatmap", "heatmap loss", "entropy", "pylon", "relu", "test", "sibnet"),
    "baseline": ("cce", "baseline", "cam", "β = 0"),
    "variant": ("mse", "mse only", "m − min m"),
    "third variant": ("train",),
    "reference": ("paper", "chance"),
}
ROLES: dict[str, str] = {group: role for role, groups in _GROUPS.items() for group in groups}
"""The role of each group that the papers name; a group keeps its colour on every figure."""


def colours(groups: Sequence[str], palette: Mapping[str, str] | None = None) -> dict[str, str]:
    """A colour for each group: ``palette`` first, then the role known by name, then the free hues in order.

    >>> colours(["heatmap", "cce"]) == {"heatmap": PALETTE["proposed"], "cce": PALETTE["baseline"]}
    True
    """
    known = {group: PALETTE[ROLES[group.lower()]] for group in groups if group.lower() in ROLES}
    chosen = known | {group: hue for group, hue in (palette or {}).items() if group in groups and hue}
    free = [hue for role, hue in PALETTE.items() if role != "reference" and hue not in chosen.values()]
    for group in groups:
        if group not in chosen:
            chosen[group] = free.pop(0) if free else PALETTE["reference"]
    return {group: chosen[group] for group in groups}


def line_style(number: int) -> Any:
    """Matplotlib's line style of the group ``number`` (from 0) of a figure, after ``DASHES``.

    >>> line_style(0), line_style(1)
    ('-', (0, (4, 1.5)))
    """
    dashes = DASHES[number % len(DASHES)]
    return (0, dashes) if dashes else "-"
