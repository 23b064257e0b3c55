"""Anatomy of a synthetic chest: what a patient keeps from picture to picture, and where it lies in one picture.

The anatomy is drawn in a unit square (x to the right, y down). A pose scales it, shifts it and turns it about the
square's centre; a frame adds the picture's side in pixels. Shapes are bounded by curves, with soft edges.

Side -1 is the picture's left, the patient's right; side 1 holds most of the heart. A lung's shares are ``across`` (0 at
mediastinum or heart, 1 at the chest wall) and ``down`` (0 at the apex, 1 at the costophrenic angle).
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from scipy.interpolate import PchipInterpolator

Window = tuple[slice, slice]
"""Rows and columns of a part of a picture."""


@dataclass(frozen=True)
class Pose:
    """Scale, shift to the right and down (shares of the side) and turn (radians, clockwise)."""

    scale: float = 1.0
    right: float = 0.0
    down: float = 0.0
    turn: float = 0.0


@dataclass(frozen=True)
class Frame:
    """A pose in a square picture of ``side`` pixels."""

    side: int
    pose: Pose

    def points(self, points: np.ndarray) -> np.ndarray:
        """Points (N x 2) of the anatomy in shares of the picture's side."""
        cosine, sine = self.pose.scale * np.cos(self.pose.turn), self.pose.scale * np.sin(self.pose.turn)
        turned = (points - 0.5) @ np.array(((cosine, sine), (-sine, cosine)))
        return turned + np.array((0.5 + self.pose.right, 0.5 + self.pose.down))

    def point(self, x: float, y: float) -> tuple[float, float]:
        """One point of the anatomy in shares of the picture's side."""
        moved = self.points(np.array([[x, y]]))[0]
        return float(moved[0]), float(moved[1])

    @property
    def centres(self) -> np.ndarray:
        """Centres of the pixels along one side, as shares of it (float32)."""
        return (np.arange(self.side, dtype=np.float32) + 0.5) / self.side

    def at_rows(self, curve: np.ndarray) -> np.ndarray:
        """x of a curve (N x 2, top to bottom) in each pixel row; beyond its ends the end's x."""
        x, y = self.points(curve).T
        return np.interp(self.centres, np.maximum.accumulate(y), x).astype(np.float32)

    def at_columns(self, curve: np.ndarray) -> np.ndarray:
        """y of a curve (N x 2, left to right) in each pixel column; beyond its ends the end's y."""
        x, y = self.points(curve).T
        return np.interp(self.centres, np.maximum.accumulate(x), y).astype(np.float32)

    def window(self, left: float, top: float, right: float, bottom: float) -> Window:
        """Pixels that the rectangle (shares of the side) touches, at least one row and one column."""
        low = [min(max(int(np.floor(v * self.side)), 0), self.side - 1) for v in (top, left)]
        high = [min(max(int(np.ceil(v * self.side)), 1), self.side) for v in (bottom, right)]
        return slice(low[0], max(high[0], low[0] + 1)), slice(low[1], max(high[1], low[1] + 1))

    def coordinates(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """x (1 x W) and y (H x 1) of the window's pixels, as shares of the side."""
        return self.centres[None, window[1]], self.centres[window[0], None]


def step(distance: np.ndarray, width: float) -> np.ndarray:
    """Soft step: 0 below ``-width / 2``, 1 above ``width / 2``, with no kink between."""
    share = distance * (1 / width)
    share += 0.5
    np.clip(share, 0, 1, out=share)
    smooth = share * -2
    smooth += 3
    smooth *= share
    smooth *= share
    return smooth


def smooth_noise(
    generator: np.random.Generator, height: int, width: int, rows: float, columns: float
) -> np.ndarray:
    """Noise (height x width, float32) through about ``rows`` x ``columns`` knots, standard normal at each."""
    return stretched(
        generator.standard_normal((max(2, round(rows)) + 1, max(2, round(columns)) + 1), np.float32),
        height,
        width,
    )


def stretched(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Values (float32) resized to height x width, bicubic."""
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC))


SIDES = (-1, 1)
STEPS = np.linspace(0, 1, 65)
TOP, BOTTOM = -0.3, 1.3  # curves reach beyond the unit square, so that a pose never shows their ends


def _profile(*knots: tuple[float, float]) -> np.ndarray:
    x, y = zip(*knots, strict=True)
    return PchipInterpolator(x, y)(STEPS)


# Borders of the heart from its top to its bottom, as shares of its reach to that side.
_HEART = {
    -1: _profile((0, 0.15), (0.12, 0.38), (0.28, 0.66), (0.5, 0.91), (0.68, 1), (0.86, 0.95), (1, 0.72)),
    1: _profile(
        (0, 0.12), (0.12, 0.28), (0.25, 0.47), (0.45, 0.72), (0.7, 0.95), (0.83, 1), (0.93, 0.95), (1, 0.8)
    ),
}
_REACH = {-1: 0.33, 1: 0.67}  # of the heart's width, from the midline


@dataclass(frozen=True)
class Anatomy:
    """A patient's chest, lengths in shares of the unit square."""

    middle: float  # x of the midline
    half_width: float  # from the midline to the inner chest wall at the lungs' base
    taper: float  # how fast the lungs widen below their apices, small for a barrel
    apex_out: float  # the apices' distance from the midline as a share of ``half_width``
    apex: float  # y of the lungs' apices
    base: float  # and of the costophrenic angles
    domes: tuple[float, float]  # height of the diaphragm's domes above the angles, sides -1 and 1
    mediastinum: float  # half its width at the level of the hila
    heart: float  # width of the heart over the inner width of the thorax, the cardiothoracic ratio
    heart_top: float  # y
    heart_bottom: float
    knob: float  # how far the aortic knob stands out at ``knob_y``
    knob_y: float
    wall: float  # thickness of the soft tissue beside the thorax
    breasts: float  # size of the breast shadows, 0 for none
    ribs: tuple[float, float, float]  # spacing, slope, first rib's offset of the posterior ribs
    bone: float  # strengths of bones, lung tissue, vessels and of the fine mottle
    density: float
    vessels: float
    mottle: float
    shoulder: float  # y at which shoulders reach their width
    texture: int  # seed of the vessels and of the mottle

    @property
    def dome(self) -> tuple[float, float]:
        """y of the tops of the domes, sides -1 and 1."""
        return self.base - self.domes[0], self.base - self.domes[1]


def draw_anatomy(generator: np.random.Generator, female: bool) -> Anatomy:
    """Draw a patient's chest, the heart's ratio below .49 and about .43 as in a posterior-anterior picture."""
    uniform = generator.uniform
    half_width = float(np.clip(generator.normal(0.385, 0.014), 0.345, 0.42))
    base = float(uniform(0.745, 0.805))
    domes = float(uniform(0.075, 0.12)), float(uniform(0.05, 0.095))
    return Anatomy(
        middle=float(generator.normal(0.5, 0.006)),
        half_width=half_width,
        taper=float(uniform(0.55, 0.85)),
        apex_out=float(uniform(0.29, 0.40)),
        apex=float(uniform(0.085, 0.135)),
        base=base,
        domes=domes,
        mediastinum=float(uniform(0.055, 0.075)),
        heart=float(np.clip(generator.normal(0.43, 0.025), 0.36, 0.48)),
        heart_top=float(uniform(0.36, 0.40)),
        heart_bottom=base - float(uniform(0.0, 0.03)),
        knob=float(uniform(0.012, 0.03)),
        knob_y=float(uniform(0.285, 0.325)),
        wall=float(uniform(0.05, 0.12)),
        breasts=float(uniform(0.12, 0.2)) if female else 0.0,
        ribs=(float(uniform(0.06, 0.069)), float(uniform(0.07, 0.12)), float(uniform(0, 1))),
        bone=float(uniform(0.75, 1.25)),
        density=float(uniform(0.20, 0.34)),
        vessels=float(uniform(0.8, 1.25)),
        mottle=float(uniform(0.6, 1.4)),
        shoulder=float(uniform(0.11, 0.18)),
        texture=int(generator.integers(2**32)),
    )


def breathe(anatomy: Anatomy, depth: float) -> Anatomy:
    """The chest after a deeper (``depth`` above 0) or a shallower breath; domes and heart's bottom move along."""
    return replace(anatomy, base=anatomy.base + depth, heart_bottom=anatomy.heart_bottom + depth)


def lung_rows(anatomy: Anatomy) -> np.ndarray:
    """y of the points of a lung's borders, from the apex to the angle."""
    return anatomy.apex + STEPS * (anatomy.base - anatomy.apex)


def chest_wall(anatomy: Anatomy, side: int) -> np.ndarray:
    """Inner chest wall of one side, the lung's outer border; it goes on straight below the angle."""
    start = anatomy.apex_out * anatomy.half_width
    reach = start + (anatomy.half_width - start) * (1 - (1 - STEPS) ** 2.5) ** anatomy.taper
    below = np.array([[anatomy.middle + side * anatomy.half_width * 1.02, BOTTOM]])
    return np.concatenate((_curve(anatomy.middle + side * reach, lung_rows(anatomy)), below))


def inner_border(anatomy: Anatomy, side: int) -> np.ndarray:
    """Border of a lung to mediastinum and heart."""
    y = lung_rows(anatomy)
    reach = np.maximum(mediastinum_reach(anatomy, side, y), heart_reach(anatomy, side, y))
    # At the apex the border bends over to meet the chest wall.
    share = np.clip(STEPS / 0.2, 0, 1)
    bend = np.sqrt(share * (2 - share))
    start = anatomy.apex_out * anatomy.half_width
    return _curve(anatomy.middle + side * (start + (reach - start) * bend), y)


def mediastinum_reach(anatomy: Anatomy, side: int, y: np.ndarray) -> np.ndarray:
    """Distance of the mediastinum's border from the midline at the heights ``y``, aortic knob included."""
    reach = anatomy.mediastinum * (0.8 + 0.5 * np.clip((0.3 - y) / 0.3, 0, 1))
    reach = reach + 0.010 * np.exp(-(((y - 0.44) / 0.06) ** 2))  # hila
    if side == 1:
        reach = reach + anatomy.knob * np.exp(-(np.abs((y - anatomy.knob_y) / _knob_height(anatomy)) ** 2.6))
    return reach


def _knob_height(anatomy: Anatomy) -> float:
    return 0.032 + 0.6 * anatomy.knob


def knob_box(anatomy: Anatomy) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the aortic knob in the unit square, from the midline to its tip."""
    height = 1.15 * _knob_height(anatomy)
    tip = anatomy.middle + 0.85 * anatomy.mediastinum + anatomy.knob
    return anatomy.middle, anatomy.knob_y - height, tip, anatomy.knob_y + height


def heart_reach(anatomy: Anatomy, side: int, y: np.ndarray) -> np.ndarray:
    """Distance of the heart's border from the midline at the heights ``y``; 0 above and below the heart."""
    share = (y - anatomy.heart_top) / (anatomy.heart_bottom - anatomy.heart_top)
    width = anatomy.heart * 2 * anatomy.half_width * _REACH[side]
    return width * np.interp(share, STEPS, _HEART[side], left=0.0, right=0.0)


def heart_border(anatomy: Anatomy, side: int) -> np.ndarray:
    """Border of the heart on one side, from its top to its bottom."""
    y = anatomy.heart_top + STEPS * (anatomy.heart_bottom - anatomy.heart_top)
    return _curve(anatomy.middle + side * heart_reach(anatomy, side, y), y)


def diaphragm(anatomy: Anatomy) -> np.ndarray:
    """Upper surface of the diaphragm from chest wall to chest wall, left to right."""
    parts = []
    for side, height in zip(SIDES, anatomy.domes, strict=True):
        medial, lateral = np.clip(1 - STEPS / 0.42, 0, 1), np.clip((STEPS - 0.42) / 0.58, 0, 1)
        fall = 0.3 * medial**2 + lateral**2.3
        curve = _curve(anatomy.middle + side * anatomy.half_width * STEPS, anatomy.base - height * (1 - fall))
        # Both halves meet under the heart.
        share = np.clip(1 - STEPS / 0.3, 0, 1) ** 2
        curve[:, 1] += share * (anatomy.base - 0.36 * sum(anatomy.domes) - curve[:, 1])
        parts.append(curve[::side])
    return np.concatenate(parts)


def body_outline(anatomy: Anatomy, side: int) -> np.ndarray:
    """Skin of one side: neck, shoulder, and the trunk below the arm."""
    trunk = anatomy.half_width + anatomy.wall
    y = np.array(
        [TOP, anatomy.shoulder - 0.14, anatomy.shoulder - 0.07, anatomy.shoulder, 0.28, 0.42, 0.7, BOTTOM]
    )
    reach = np.array([0.11, 0.125, 0.27, 0.46, 0.54, trunk + 0.02, trunk, trunk + 0.02])
    fine = np.linspace(TOP, BOTTOM, 129)
    return _curve(anatomy.middle + side * PchipInterpolator(y, reach)(fine), fine)


def _curve(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack(np.broadcast_arrays(x, y), axis=1)


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
