"""Shadows: what a finding changes in the layers of a radiograph, and the box around what can be seen of it."""

from dataclasses import dataclass

import numpy as np

from data_gen.chest_findings import Finding, asked_size
from data_gen.chest_frame import Window
from data_gen.chest_layout import Box, Layout

SEEN = 0.15
"""Share of a shadow's full strength from which it counts as seen."""


@dataclass(frozen=True, eq=False)
class Shadow:
    """Change of one window of the picture.

    Attributes:
        window: the pixels.
        extent: how much of a pixel the finding covers, 0 to 1; the box goes around ``extent >= SEEN``.
        add: attenuation added (negative: taken away).
        clear: share of the vessels and of the fine mottle that goes, 0 to 1.
    """

    window: Window
    extent: np.ndarray
    add: np.ndarray
    clear: np.ndarray | float = 0.0

    @property
    def box(self) -> Box | None:
        """The box, or None where nothing can be seen."""
        seen = self.extent >= SEEN
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        if not len(rows):
            return None
        top, left = self.window[0].start, self.window[1].start
        return (
            float(left + columns[0]),
            float(top + rows[0]),
            float(left + columns[-1] + 1),
            float(top + rows[-1] + 1),
        )


@dataclass(frozen=True, eq=False)
class Spot:
    """The rectangle that a finding is drawn in, where it fits into its lung.

    Attributes:
        window: its pixels.
        x, y: -1 to 1 from its left to its right (1 x W) and from its top to its bottom (H x 1).
        width, height: in shares of the picture's side.
        lung: how much of each pixel is lung.
    """

    window: Window
    x: np.ndarray
    y: np.ndarray
    width: float
    height: float
    lung: np.ndarray


def spot_of(layout: Layout, finding: Finding, generator: np.random.Generator) -> Spot:
    """Place a finding's rectangle, limited to 95 % of its lung's width and moved so that it lies in the lung."""
    width, height = asked_size(finding, generator)
    place, frame = finding.place, layout.frame
    if place.side == 0:
        left, right = layout.place(-1, 0.9, place.down)[0], layout.place(1, 0.9, place.down)[0]
        y = layout.place(-1, 0.5, place.down)[1]
        x, width = (left + right) / 2, min(width, right - left)
    else:
        x, y = layout.place(place.side, place.across, place.down)
        edges = sorted(layout.place(place.side, share, place.down)[0] for share in (0.02, 0.98))
        if width > edges[1] - edges[0]:
            height *= width / (edges[1] - edges[0])
            width = edges[1] - edges[0]
        x = min(max(x, edges[0] + width / 2), edges[1] - width / 2)
    column = min(max(int(x * frame.side), 0), frame.side - 1)
    side = place.side or 1
    low, high = layout.apex[side] + 0.015, float(layout.dome[column]) - 0.005
    height = min(height, high - low)
    y = min(max(y, low + height / 2), high - height / 2)
    window = frame.window(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    columns, rows = frame.coordinates(window)
    return Spot(
        window,
        (columns - np.float32(x)) * np.float32(2 / width),
        (rows - np.float32(y)) * np.float32(2 / height),
        width,
        height,
        layout.lungs[window],
    )
