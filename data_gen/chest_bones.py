"""Bones of a synthetic chest radiograph: ribs with bright borders, clavicles, spine and scapulae."""

import numpy as np

from data_gen.chest_anatomy import BOTTOM, SIDES, STEPS, TOP, Anatomy
from data_gen.chest_frame import Frame, step
from data_gen.chest_layout import Layout

_TURN = np.linspace(0, 1, 257)[:-1]


def _rib_profile(half: float) -> np.ndarray:
    """Attenuation across one rib, over one spacing: a hollow tube, brightest at its two borders."""
    distance = np.abs(_TURN - 0.5) / half
    inside = np.clip((1.12 - distance) / 0.24, 0, 1)
    return (inside * (0.5 + 0.5 * np.clip(distance, 0, 1) ** 4)).astype(np.float32)


_POSTERIOR, _ANTERIOR = _rib_profile(0.23), _rib_profile(0.20)


def add_ribs(picture: np.ndarray, layout: Layout) -> None:
    """Posterior ribs slope down towards the chest wall; anterior ones, fainter, slope down towards the middle."""
    anatomy, frame = layout.anatomy, layout.frame
    spacing, slope, offset = anatomy.ribs
    middle = _middle(anatomy, frame)
    scale = np.float32(frame.pose.scale)
    bottom = frame.point(0.5, anatomy.base + 0.09)[1]
    for side in SIDES:
        edge = float((layout.wall[side] * side).max()) + 0.02
        ends = sorted((float(middle.mean()), side * edge))
        window = frame.window(ends[0], layout.apex[side] - 0.02, ends[1], bottom)
        x, y = frame.coordinates(window)
        rows = window[0]
        across = (x - middle[rows, None]) * side / (layout.wall[side][rows, None] - middle[rows, None]) / side
        across = np.clip(across, 0, 1.06)
        square = across * across
        inside = step(1.03 - across, 0.05)
        steep = slope * (0.7 + 0.6 * (y - layout.apex[side]))
        # Where a rib crosses the picture, measured in spacings from the first one.
        turn = (y - layout.apex[side]) / (spacing * scale)
        posterior = turn - steep * (1.7 * square * across - 0.35 * across) / spacing + offset
        anterior = 0.85 * turn + 1.25 * slope * (1 - square) * (-1) / spacing + 0.4 + offset
        tone = 0.155 * _POSTERIOR[_index(posterior)] * step(across - 0.1, 0.1)
        tone += 0.070 * _ANTERIOR[_index(anterior)] * step(across - 0.55, 0.25)
        tone += 0.10 * np.exp(-(((across - 1.0) / 0.035) ** 2))  # ribs seen along the wall
        tone *= inside * np.clip((bottom - y) / 0.08, 0, 1)
        picture[window] += tone * np.float32(anatomy.bone)


def _index(turn: np.ndarray) -> np.ndarray:
    return (turn * 256).astype(np.int32) & 255


def add_clavicles(picture: np.ndarray, layout: Layout, rise: float) -> None:
    """Clavicles over the lungs' apices; ``rise`` lifts their outer ends (arms, view)."""
    anatomy, frame = layout.anatomy, layout.frame
    for side in SIDES:
        reach = 0.035 + STEPS * 0.33
        inner, outer = anatomy.apex + 0.11, anatomy.shoulder + 0.03 - rise
        y = inner + (outer - inner) * STEPS + 0.022 * np.sin(2 * np.pi * STEPS)
        curve = np.stack((anatomy.middle + side * reach, y), axis=1)[::side]
        centre = frame.at_columns(curve)
        ends = frame.points(curve)[[0, -1]]
        window = frame.window(ends[0, 0], ends[:, 1].min() - 0.06, ends[1, 0], ends[:, 1].max() + 0.06)
        x, rows = frame.coordinates(window)
        distance = np.abs(rows - centre[None, window[1]]) / 0.0165
        inside = step(1.06 - distance, 0.22) * (0.55 + 0.45 * np.minimum(np.square(np.square(distance)), 1))
        inside *= step(x - ends[0, 0] - 0.008, 0.02) * step(ends[1, 0] - 0.008 - x, 0.02)
        picture[window] += (0.24 * anatomy.bone * inside).astype(np.float32)


def add_spine(picture: np.ndarray, layout: Layout) -> None:
    """Vertebrae along the midline, with darker discs between them, and the dark trachea above them."""
    anatomy, frame = layout.anatomy, layout.frame
    middle = _middle(anatomy, frame)
    window = frame.window(float(middle.min()) - 0.06, 0, float(middle.max()) + 0.06, 1)
    x, y = frame.coordinates(window)
    apart = np.abs(x - middle[:, None])
    discs = 0.8 + 0.2 * np.clip(np.cos(2 * np.pi * (y / 0.062 + anatomy.ribs[2])) * 2 + 1.2, -1, 1)
    tone = 0.16 * step(0.040 - apart, 0.014) * discs * anatomy.bone
    carina = frame.point(0.5, anatomy.heart_top - 0.02)[1]
    tone -= 0.20 * step(0.019 - apart, 0.016) * step(carina - y, 0.08)
    picture[window] += tone.astype(np.float32)


def add_scapulae(picture: np.ndarray, layout: Layout, outward: float) -> None:
    """Shoulder blades: their inner borders lie over the outer lungs where the arms were not rolled forward."""
    anatomy, frame = layout.anatomy, layout.frame
    for side in SIDES:
        y = anatomy.apex + np.array([0.03, 0.13, 0.25, 0.36, 0.40])
        reach = anatomy.half_width * np.array([0.98, 0.84, 0.86, 0.97, 1.05]) + outward
        border = frame.at_rows(np.stack((anatomy.middle + side * reach, y), axis=1))
        low, high = frame.point(0.5, y[0])[1], frame.point(0.5, y[-1])[1]
        inner, outer = float((border * side).min()) * side, side * float((border * side).max() + 0.14)
        window = frame.window(*_rectangle(inner, low, outer, high))
        x, rows = frame.coordinates(window)
        beyond = side * (x - border[window[0], None])
        tone = 0.10 * step(beyond, 0.016) * np.clip((0.13 - beyond) / 0.05, 0, 1)
        tone += 0.05 * np.exp(-(((beyond - 0.008) / 0.007) ** 2))
        tone *= step(rows - low - 0.02, 0.04) * step(high - 0.03 - rows, 0.06)
        picture[window] += (tone * anatomy.bone).astype(np.float32)


def _rectangle(inner: float, low: float, outer: float, high: float) -> tuple[float, float, float, float]:
    left, right = sorted((inner, outer))
    return left, low, right, high


def _middle(anatomy: Anatomy, frame: Frame) -> np.ndarray:
    return frame.at_rows(np.array([[anatomy.middle, TOP], [anatomy.middle, BOTTOM]]))
