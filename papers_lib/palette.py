"""Colours of every figure: by role, told apart by colour-blind readers, on a light and on a dark page."""

from collections.abc import Mapping, Sequence

INK = "#010203"
"""The colour that the theme draws text, axes and ticks in; it becomes ``currentColor`` in the page."""

HEAT = "inferno"
"""Perceptually uniform colour map of every heat overlay."""

PALETTE: dict[str, str] = {
    "proposed": "#0072B2",  # blue
    "baseline": "#D55E00",  # vermillion
    "variant": "#009E73",  # bluish green
    "second variant": "#BC6C9A",  # reddish purple, darkened
    "third variant": "#B07A00",  # orange, darkened
    "fourth variant": "#3A8FC4",  # sky blue, darkened
    "reference": "#7C7F85",  # grey: chance, priors, ceilings, values printed in the paper
}
"""Colours by the role that a group of runs plays; Okabe and Ito's hues (2008), told apart by colour-blind
readers. The light ones are darkened: each has a contrast of 3 or more on white and on the dark page."""

ROLES: dict[str, str] = {
    "heatmap": "proposed",
    "heatmap loss": "proposed",
    "cce": "baseline",
    "mse": "variant",
    "mse only": "variant",
    "baseline": "baseline",
    "entropy": "proposed",
    "pylon": "proposed",
    "cam": "baseline",
    "sibnet": "proposed",
    "paper": "reference",
    "chance": "reference",
}
"""The role of each group that the papers name; a group keeps its colour on every figure."""


def colours(groups: Sequence[str], palette: Mapping[str, str] | None = None) -> dict[str, str]:
    """A colour for each group: ``palette`` first, then the role known by name, then the free hues in order.

    >>> colours(["heatmap", "cce"]) == {"heatmap": PALETTE["proposed"], "cce": PALETTE["baseline"]}
    True
    """
    chosen = {
        group: (palette or {}).get(group) or PALETTE[ROLES[group.lower()]]
        for group in groups
        if group in (palette or {}) or group.lower() in ROLES
    }
    free = [hue for role, hue in PALETTE.items() if role != "reference" and hue not in chosen.values()]
    for group in groups:
        if group not in chosen:
            chosen[group] = free.pop(0) if free else PALETTE["reference"]
    return {group: chosen[group] for group in groups}
