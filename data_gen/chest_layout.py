"""A chest laid out on the pixels of one picture: borders of the lungs and the diaphragm, and the lungs' masks."""

from dataclasses import dataclass

import numpy as np

from data_gen.chest_anatomy import (
    SIDES,
    Anatomy,
    chest_wall,
    diaphragm,
    heart_border,
    inner_border,
    knob_box,
)
from data_gen.chest_frame import Frame, Window, step

Box = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in pixels of the picture; the right and lower edges are not included."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Borders in shares of the picture's side; keys of the dictionaries are the sides -1 and 1.

    Attributes:
        anatomy, frame: what is laid out, and where.
        wall, inner: x of a lung's outer and inner border in each pixel row.
        apex: y of the lungs' apices.
        dome: y of the diaphragm in each pixel column.
        lungs: how much of a pixel is lung, 0 to 1 (side x side, float32), both lungs together.
        windows: the pixels that hold each lung.
    """

    anatomy: Anatomy
    frame: Frame
    wall: dict[int, np.ndarray]
    inner: dict[int, np.ndarray]
    apex: dict[int, float]
    dome: np.ndarray
    lungs: np.ndarray
    windows: dict[int, Window]

    def place(self, side: int, across: float, down: float) -> tuple[float, float]:
        """Point of a lung at the shares ``across`` and ``down`` of ``data_gen.chest_anatomy``."""
        row, y = self._row(side, down)
        inner, wall = float(self.inner[side][row]), float(self.wall[side][row])
        return inner + across * (wall - inner), y

    def on_chest(self, side: int, across: float, down: float) -> tuple[float, float]:
        """Point at ``across`` from the midline (0) to the chest wall (1), whatever the heart's size."""
        row, y = self._row(side, down)
        middle = self.frame.point(self.anatomy.middle, 0.5)[0]
        return middle + across * (float(self.wall[side][row]) - middle), y

    def _row(self, side: int, down: float) -> tuple[int, float]:
        base = self.frame.point(0.5, self.anatomy.base)[1]
        y = self.apex[side] + down * (base - self.apex[side])
        return min(max(int(y * self.frame.side), 0), self.frame.side - 1), y


def lay_out(anatomy: Anatomy, frame: Frame) -> Layout:
    """Lay ``anatomy`` out in ``frame``."""
    wall = {side: frame.at_rows(chest_wall(anatomy, side)) for side in SIDES}
    inner = {side: frame.at_rows(inner_border(anatomy, side)) for side in SIDES}
    dome = frame.at_columns(diaphragm(anatomy))
    lungs = np.zeros((frame.side, frame.side), np.float32)
    windows, apices = {}, {}
    for side in SIDES:
        apex = frame.points(chest_wall(anatomy, side)[:1])[0]
        angle = frame.point(anatomy.middle + side * anatomy.half_width, anatomy.base)
        apices[side] = float(apex[1])
        ends = sorted((float(inner[side].min() if side == 1 else inner[side].max()), angle[0] + side * 0.01))
        window = frame.window(ends[0], apices[side] - 0.01, ends[1], angle[1] + 0.03)
        x, y = frame.coordinates(window)
        rows, columns = window
        # Distance inside each border in widths of its soft edge; the nearest one counts.
        across = x * np.float32(side / 0.016)
        inside = np.minimum(
            across - inner[side][rows, None] * np.float32(side / 0.016),
            wall[side][rows, None] * np.float32(side / 0.016) - across,
        )
        vertical = np.minimum((dome[None, columns] - y) * (1 / 0.014), (y - apices[side]) * (1 / 0.010))
        lungs[window] += step(np.minimum(inside, vertical), 1.0)
        windows[side] = window
    return Layout(anatomy, frame, wall, inner, apices, dome, lungs, windows)


def heart_box(layout: Layout) -> Box:
    """Box around the heart, cut at the picture's edge, in pixels."""
    frame = layout.frame
    return _box_around(frame, np.concatenate([heart_border(layout.anatomy, side) for side in SIDES]))


def aortic_box(layout: Layout) -> Box:
    """Box around the aortic knob, from the midline to its tip, cut at the picture's edge, in pixels."""
    left, top, right, bottom = knob_box(layout.anatomy)
    corners = np.array(((left, top), (right, top), (right, bottom), (left, bottom)))
    return _box_around(layout.frame, corners)


def _box_around(frame: Frame, points: np.ndarray) -> Box:
    moved = np.clip(frame.points(points), 0, 1) * frame.side
    low, high = moved.min(0), moved.max(0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
