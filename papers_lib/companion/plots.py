"""Plots that several papers share: a grid of heat maps, and every run of a sweep as a dot, by group."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from papers_lib.companion.palette import HEAT, INK, MARKERS, PALETTE, colours
from papers_lib.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    """Images in a grid, each with its heat map over it and one colour bar for all.

    Args:
        images: array [n, height, width] or [n, height, width, 3].
        maps: array [n, h, w], already made for display; stretched over the image. None: images only.
        titles: n short titles.
        columns: images a row.
        label: what the colour bar measures.
        limits: values at the ends of the colour bar; default the smallest and largest map value.
        side: height of one image in inches.

    Raises:
        UserError: no image, or the numbers of images, maps and titles differ.
    """
    import matplotlib.pyplot as plt

    pictures = np.asarray(images)
    heat = None if maps is None else np.asarray(maps, dtype=float)
    for what, found in (("maps", heat), ("titles", titles)):
        if found is not None and len(found) != len(pictures):
            raise UserError(f"map_grid: {len(found)} {what} for {len(pictures)} images; expected as many")
    if not len(pictures):
        raise UserError("map_grid: no image; expected at least one")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    height, width = pictures.shape[1:3]
    size = (
        columns * side * width / height + (heat is not None) * 0.9,
        rows * (side + (0.25 if titles else 0.05)),
    )
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    low, high = limits or ((0.0, 1.0) if heat is None else (float(np.nanmin(heat)), float(np.nanmax(heat))))
    scale = {"cmap": HEAT, "vmin": low, "vmax": high if high > low else low + 1.0}
    layer = None
    for index, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if index >= len(pictures):
            continue
        axis.imshow(pictures[index], cmap="gray", interpolation="nearest")
        if heat is not None:
            extent = (-0.5, width - 0.5, height - 0.5, -0.5)
            layer = axis.imshow(heat[index], alpha=0.55, extent=extent, interpolation="bilinear", **scale)
        if titles is not None:
            axis.set_title(titles[index], fontsize=8.5)
    if layer is not None:
        bar = figure.colorbar(layer, ax=axes, shrink=0.9 if rows == 1 else 0.6, label=label)
        bar.outline.set_visible(False)
    return figure


def strip_panels(panels: Sequence[Mapping[str, Any]], width: float = 4.8, **shared: Any) -> "Figure":
    """Every run as a dot, by group, in panels side by side; beside each group its median with a 95 % interval.

    Args:
        panels: for each panel the arguments below by name; a panel whose frame is empty is left out.
        width: of a panel in inches.
        shared: arguments that all panels have in common.

    Arguments of a panel: ``frame`` (a row a run; rows without ``y`` are left out), ``x`` (column of the groups on the
    axis), ``y`` (column of the metric), ``hue`` (column of the groups side by side within one ``x``), ``order`` and
    ``hue_order`` of the groups (default: as they come), ``baselines`` (reference lines, label → value), ``labels`` of
    the two axes (default: the column names).

    Raises:
        UserError: every frame is empty, or a column is missing (the line lists those that exist).
    """
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
    for column in filter(None, (x, y, hue)):
        if column not in frame.columns:
            there = ", ".join(map(str, frame))
            raise UserError(f"strip_panels: no column {column!r}; expected one of {there}")
    kept = frame.dropna(subset=[y])
    groups = list(order) if order is not None else list(dict.fromkeys(kept[x]))
    hues = list(hue_order or dict.fromkeys(kept[hue])) if hue else [None]
    named = [str(name) for name in (hues if hue else groups)]
    looks: dict[str, dict[str, Any]] = {
        name: {"color": tint, "marker": marker, "ls": ""}
        for (name, tint), marker in zip(colours(named).items(), MARKERS * len(named), strict=False)
    }
    width = 0.8 / len(hues)
    for position, group in enumerate(groups):
        for offset, name in enumerate(hues):
            mask = (kept[x] == group) & ((kept[hue] == name) if hue else True)
            centre = position + (offset - (len(hues) - 1) / 2) * width
            _dots(axis, centre, kept.loc[mask, y].to_numpy(float), width, looks[str(name if hue else group)])
    axis.set_xticks(range(len(groups)), [str(group) for group in groups])
    axis.set_xlim(-0.55, len(groups) - 0.45)
    axis.set_xlabel(labels[0] if labels else x)
    axis.set_ylabel(labels[1] if labels else y)
    if hue:
        handles = [axis.plot([], [], label=name, **looks[name])[0] for name in named]
        above: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "borderpad": 0}
        axis.legend(handles=handles, ncols=len(hues), **above)
    _reference_lines(axis, baselines or {})


def _dots(axis: "Axes", centre: float, values: np.ndarray, width: float, look: Mapping[str, Any]) -> None:
    if len(values) == 0:
        return
    # A fixed sideways pattern, not random jitter: neighbours in value lie far apart, the file is the same.
    rank = np.argsort(np.argsort(values, kind="stable"))
    sideways = ((rank * 0.618034) % 1 - 0.5) * width * 0.42 - width * 0.06
    axis.plot(centre + sideways, values, markersize=4.8, markeredgewidth=0, **look)
    beside = centre + width * 0.27
    if len(values) > 1:
        # Percentile bootstrap of the median, with a fixed seed.
        medians = np.median(np.random.default_rng(0).choice(values, size=(2000, len(values))), axis=1)
        interval = np.quantile(medians, [0.025, 0.975])
        axis.plot([beside] * 2, interval, color=INK, linewidth=1.5, solid_capstyle="butt", zorder=3)
    axis.plot(beside, np.median(values), "D", color=INK, markersize=4, zorder=3)


def _reference_lines(axis: "Axes", baselines: Mapping[str, float]) -> None:
    """Dashed lines with their labels at the right end, moved apart where they would overlap."""
    for value in baselines.values():
        axis.axhline(value, color=PALETTE["reference"], linewidth=1.1, linestyle=(0, (4, 3)), zorder=0)
    low, high = axis.get_ylim()
    last = -np.inf
    for text, value in sorted(baselines.items(), key=lambda item: item[1]):
        last = max(value, last + 0.075 * (high - low))
        share = (last - low) / (high - low)
        axis.text(1.015, share, text, transform=axis.transAxes, va="center", fontsize=9, color=INK)
