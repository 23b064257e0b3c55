"""Soft tissue of a synthetic chest radiograph: body, lungs, abdomen, mediastinum and heart, breasts, arms."""

import numpy as np

from data_gen.chest_anatomy import SIDES, body_outline, heart_border, mediastinum_reach
from data_gen.chest_frame import step
from data_gen.chest_layout import Layout, heart_box

FINE = 400  # steps of the tables from the midline to the skin
_AWAY = np.arange(int(1.2 * FINE)) / FINE
_BODY = (1.05 * np.sqrt(np.clip(1.02 - _AWAY**4, 0.02, 1)) * step(1 - _AWAY, 0.03)).astype(np.float32)
_TRUNK = (np.clip(1 - 1.1 * _AWAY**2, 0, 1)).astype(np.float32)


def soft_tissue(layout: Layout, bubble: float, arms: bool) -> np.ndarray:
    """Attenuation of body, lungs, abdomen, mediastinum, heart, breasts and, if asked for, arms beside the body.

    ``bubble`` is the radius of the gas in the stomach, 0 for none.
    """
    anatomy, frame = layout.anatomy, layout.frame
    skin = {side: frame.at_rows(body_outline(anatomy, side))[:, None] for side in SIDES}
    away = frame.centres[None, :] - (skin[1] + skin[-1]) / 2
    away *= 2 * FINE / (skin[1] - skin[-1])
    # From the midline (0) to the skin (FINE) and beyond.
    depth = np.minimum(np.abs(away, out=away), len(_BODY) - 1, out=away).astype(np.int16)
    picture = np.take(_BODY, depth)
    _take_lungs(picture, layout)
    _add_abdomen(picture, layout, bubble, depth)
    _add_middle(picture, layout)
    if anatomy.breasts:
        _add_breasts(picture, layout)
    if arms:
        x, y = frame.centres[None, :], frame.centres[:, None]
        for side in SIDES:
            gap = side * x - side * skin[side] - 0.025
            picture += 0.75 * step(gap, 0.02) * step(y - 0.3, 0.1) * step(0.14 - gap, 0.05)
    return picture


def _take_lungs(picture: np.ndarray, layout: Layout) -> None:
    """Air takes attenuation away: less near the wall, where there is less of it, and less in the lower zones."""
    frame = layout.frame
    for side, window in layout.windows.items():
        rows = window[0]
        x, y = frame.coordinates(window)
        middle = np.float32(frame.point(layout.anatomy.middle, 0.5)[0])
        across = np.clip((x - middle) / (layout.wall[side][rows, None] - middle), 0, 1)
        depth = 1.0 - 0.16 * np.square(np.square(across)) - 0.10 * np.square(np.square(1 - across))
        depth -= 0.16 * np.clip((y - 0.3) / 0.5, 0, 1)
        depth *= np.float32(1.05 - layout.anatomy.density)
        depth *= layout.lungs[window]
        picture[window] -= depth


def _add_abdomen(picture: np.ndarray, layout: Layout, bubble: float, depth: np.ndarray) -> None:
    frame = layout.frame
    top = float(layout.dome.min()) - 0.01
    rows = frame.window(0, top, 1, 1)[0]
    window = rows, slice(0, frame.side)
    x, y = frame.coordinates(window)
    below = y - layout.dome[None, :]
    inside = step(below, 0.014) * np.take(_TRUNK, depth[window])
    picture[window] += inside * (0.55 + np.clip(below * 1.5, 0, 0.35))
    if bubble > 0:  # gas in the stomach under the dome of side 1
        centre = frame.point(layout.anatomy.middle + 0.20, layout.anatomy.dome[1] + 0.035 + 0.5 * bubble)
        radius = np.sqrt(((x - centre[0]) / (1.7 * bubble)) ** 2 + ((y - centre[1]) / bubble) ** 2)
        picture[window] -= np.float32(0.45) * step(1 - radius, 0.3) * step(below - 0.015, 0.01)


def _add_middle(picture: np.ndarray, layout: Layout) -> None:
    """Mediastinum and heart: thickest in the middle, so that their edges are soft."""
    anatomy, frame = layout.anatomy, layout.frame
    heights = np.linspace(-0.2, anatomy.base, 97)
    columns = {}
    for side in SIDES:
        reach = anatomy.middle + side * mediastinum_reach(anatomy, side, heights)
        columns[side] = frame.at_rows(np.stack((reach, heights), axis=1))[:, None]
    left, right = float(columns[-1].min()), float(columns[1].max())
    bottom = frame.point(0.5, anatomy.base)[1]
    window = frame.window(left - 0.02, 0, right + 0.02, bottom)
    x, y = frame.coordinates(window)
    rows = window[0]
    inside = step(x - columns[-1][rows], 0.02) * step(columns[1][rows] - x, 0.02)
    picture[window] += 0.22 * inside * np.clip((y + 0.1) / 0.3, 0.3, 1)
    for side in SIDES:  # hila
        centre = frame.point(anatomy.middle + side * 1.2 * anatomy.mediastinum, 0.44)
        window = frame.window(centre[0] - 0.06, centre[1] - 0.09, centre[0] + 0.06, centre[1] + 0.09)
        x, y = frame.coordinates(window)
        radius = np.sqrt(((x - centre[0]) / 0.06) ** 2 + ((y - centre[1]) / 0.09) ** 2)
        picture[window] += np.float32(0.13) * step(0.5 - radius, 1.0) * layout.lungs[window]
    box = heart_box(layout)
    window = frame.window(*(value / frame.side for value in box))
    x, y = frame.coordinates(window)
    edges = {side: frame.at_rows(heart_border(anatomy, side))[window[0], None] for side in SIDES}
    across = (x - (edges[1] + edges[-1]) / 2) / ((edges[1] - edges[-1]) / 2)
    thick = np.sqrt(np.clip(1 - across * across, 0, 1))
    top = box[1] / frame.side
    picture[window] += np.float32(0.42) * thick * step(y - top - 0.06, 0.12)


def _add_breasts(picture: np.ndarray, layout: Layout) -> None:
    anatomy, frame = layout.anatomy, layout.frame
    size = anatomy.breasts
    for side in SIDES:
        centre = frame.point(anatomy.middle + side * 0.6 * anatomy.half_width, 0.56 + 0.3 * size)
        window = frame.window(centre[0] - size, centre[1] - size, centre[0] + size, centre[1] + size)
        x, y = frame.coordinates(window)
        radius = np.sqrt(((x - centre[0]) / size) ** 2 + ((y - centre[1]) / (0.95 * size)) ** 2)
        depth = step(1 - radius, 0.25) * np.clip(0.55 + (y - centre[1]) / (2 * size), 0.05, 1)
        picture[window] += np.float32(0.16) * depth
