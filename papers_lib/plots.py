"""Drawing for the notebooks: colours by role, a grid of heat maps, and strips of one dot per run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from papers_lib.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"  # of text, axes and ticks while a figure is drawn; on the page it becomes ``currentColor``
HEAT = "inferno"  # perceptually uniform colour map of every heat map

_HUES = {
    "proposed": ("#0062C8", "#7A90EA"),  # blue
    "baseline": ("#D55E00", "#F0803C"),  # vermillion
    "variant": ("#00694A", "#3DEB9C"),  # bluish green
    "second variant": ("#93226F", "#CB80B8"),  # reddish purple
    "third variant": ("#6B4C0F", "#F0C43A"),  # brown
    "fourth variant": ("#0098BA", "#78C6F8"),  # sky blue
    "reference": ("#85878A", "#A0A09A"),  # grey: chance, priors, ceilings, values printed in the paper
}
# Colours by role, on a light and on a dark page: Okabe and Ito's hues (2008), with lightnesses so far apart that each
# pair stays apart with any one kind of cone missing, and each colour has a contrast of 3 or more.
PALETTE: dict[str, str] = {role: light for role, (light, _) in _HUES.items()}
DARK: dict[str, str] = {role: dark for role, (_, dark) in _HUES.items()}

# Second cue beside the colour: of dots; of lines, in seaborn's form (on and off in line widths; "" is solid).
MARKERS = ("o", "s", "^", "v", "P", "X", "D")
DASHES: tuple[Any, ...] = ("", (4, 1.5), (1, 1), (6, 1.5, 1, 1.5), (3, 1, 3, 2.5), (8, 2), (1, 2.5))

_ROLES = {
    "proposed": ("heatmap", "heatmap loss", "entropy", "pylon", "relu", "test", "sibnet"),
    "baseline": ("cce", "baseline", "cam", "β = 0"),
    "variant": ("mse", "mse only", "m − min m"),
    "third variant": ("train",),
    "reference": ("paper", "chance"),
}  # a group that the papers name keeps its colour on every figure


def line_style(place: int) -> Any:
    """Matplotlib's line style of the dashes at a place."""
    dashes = DASHES[place % len(DASHES)]
    return (0, dashes) if dashes else "-"


def colours(groups: Sequence[str], palette: Mapping[str, str] | None = None) -> dict[str, str]:
    """A colour for each group: ``palette`` first, then the role known by name, then the free hues in order.

    >>> colours(["heatmap", "cce"]) == {"heatmap": PALETTE["proposed"], "cce": PALETTE["baseline"]}
    True
    """
    roles = {name: PALETTE[role] for role, names in _ROLES.items() for name in names}
    chosen = {group: roles[group.lower()] for group in groups if group.lower() in roles}
    chosen |= {group: hue for group, hue in (palette or {}).items() if group in groups and hue}
    free = [hue for role, hue in PALETTE.items() if role != "reference" and hue not in chosen.values()]
    for group in groups:
        if group not in chosen:
            chosen[group] = free.pop(0) if free else PALETTE["reference"]
    return {group: chosen[group] for group in groups}


def map_grid(
    images: Any,
    maps: Any = None,
    titles: Sequence[str] | None = None,
    columns: int = 4,
    *,
    label: str = "map value",
    limits: tuple[float, float] | None = None,
    side: float = 1.5,
) -> "Figure":
    """Images [n, height, width(, 3)] in a grid, each below its map [n, h, w], with one colour bar for all.

    ``limits``: values at the ends of the colour bar (default: of the maps); ``side``: inches of an image.
    """
    import matplotlib.pyplot as plt

    pictures = np.asarray(images)
    heat = None if maps is None else np.asarray(maps, dtype=float)
    counts = {len(found) for found in (pictures, heat, titles) if found is not None}
    if len(counts) > 1 or counts == {0}:
        raise UserError(f"map_grid: found {sorted(counts)} images, maps and titles; expected as many of each")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    height, width = pictures.shape[1:3]
    wide, high = columns * side * width / height, rows * (side + 0.2 * bool(titles) + 0.05)
    size = (wide + 0.9 * (heat is not None), high)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, picture in zip(axes.flat, pictures, strict=False):
        axis.imshow(picture, cmap="gray", interpolation="nearest")
    for axis, title in zip(axes.flat, titles or (), strict=False):
        axis.set_title(title, fontsize=8.5)
    if heat is not None:
        low, high = limits or (float(np.nanmin(heat)), float(np.nanmax(heat)))
        scale = {"cmap": HEAT, "vmin": low, "vmax": high if high > low else low + 1.0}
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        for axis, values in zip(axes.flat, heat, strict=False):
            layer = axis.imshow(values, alpha=0.55, extent=extent, interpolation="bilinear", **scale)
        bar = figure.colorbar(layer, ax=axes, shrink=0.9 if rows == 1 else 0.6, label=label)
        bar.outline.set_visible(False)
    return figure


def strip_panels(panels: Sequence[Mapping[str, Any]], width: float = 4.8, **shared: Any) -> "Figure":
    """One dot per run, by group, in ``panels`` (arguments of :func:`_panel`), with medians and 95 % intervals."""
    import matplotlib.pyplot as plt

    drawn = [merged for panel in panels if len((merged := {**shared, **panel})["frame"])]
    if not drawn:
        raise UserError("strip_panels: no panel has a row; expected at least one run")
    size = (width * len(drawn), 3.6)
    figure, axes = plt.subplots(1, len(drawn), figsize=size, layout="constrained", squeeze=False)
    for axis, panel in zip(axes.flat, drawn, strict=True):
        _panel(axis, **panel)
    return figure


def _panel(
    axis: "Axes",
    frame: "pd.DataFrame",
    x: str,
    y: str,
    hue: str | None = None,
    order: Sequence[str] | None = None,
    hue_order: Sequence[str] | None = None,
    baselines: Mapping[str, float] | None = None,
    labels: tuple[str, str] | None = None,
) -> None:
    """Groups of the column ``x``, within them side by side those of ``hue``; reference lines: label → value."""
    kept = frame.dropna(subset=[y])
    groups = list(order if order is not None else dict.fromkeys(kept[x]))
    hues = list(hue_order or dict.fromkeys(kept[hue])) if hue else [None]
    tints = colours([str(name) for name in (hues if hue else groups)])
    looks = {
        name: {"color": tint, "marker": MARKERS[place % len(MARKERS)], "ls": ""}
        for place, (name, tint) in enumerate(tints.items())
    }
    width = 0.8 / len(hues)
    for position, group in enumerate(groups):
        for offset, name in enumerate(hues):
            values = kept.loc[(kept[x] == group) & ((kept[hue] == name) if hue else True), y].to_numpy(float)
            centre = position + (offset - (len(hues) - 1) / 2) * width
            if len(values):
                _dots(axis, centre, values, width, looks[str(name if hue else group)])
    axis.set_xticks(range(len(groups)), [str(group) for group in groups])
    axis.set_xlim(-0.55, len(groups) - 0.45)
    axis.set(**dict(zip(("xlabel", "ylabel"), labels or (x, y), strict=True)))
    if hue:
        handles = [axis.plot([], [], label=name, **look)[0] for name, look in looks.items()]  # type: ignore[arg-type]
        axis.legend(
            handles=handles, ncols=len(hues), loc="lower left", bbox_to_anchor=(-0.02, 1), borderpad=0
        )
    for value in (baselines or {}).values():
        axis.axhline(value, color=PALETTE["reference"], linewidth=1.1, linestyle=(0, (4, 3)), zorder=0)
    low, high = axis.get_ylim()
    height = -np.inf
    for text, value in sorted((baselines or {}).items(), key=lambda item: item[1]):
        height = max((value - low) / (high - low), height + 0.075)  # labels do not overlap
        axis.text(1.015, height, text, transform=axis.transAxes, va="center", fontsize=9, color=INK)


def _dots(axis: "Axes", centre: float, values: np.ndarray, width: float, look: Mapping[str, Any]) -> None:
    # A fixed sideways pattern, not random jitter: neighbours in value lie far apart, the file is the same.
    rank = np.argsort(np.argsort(values, kind="stable"))
    sideways = ((rank * 0.618034) % 1 - 0.5) * width * 0.42 - width * 0.06
    axis.plot(centre + sideways, values, markersize=4.8, markeredgewidth=0, **look)
    beside = centre + width * 0.27
    if len(values) > 1:  # percentile bootstrap of the median, with a fixed seed
        medians = np.median(np.random.default_rng(0).choice(values, size=(2000, len(values))), axis=1)
        interval = np.quantile(medians, [0.025, 0.975])
        axis.plot([beside] * 2, interval, color=INK, linewidth=1.5, solid_capstyle="butt", zorder=3)
    axis.plot(beside, np.median(values), "D", color=INK, markersize=4, zorder=3)
