"""Body, lungs with their vessels, abdomen, heart, bones, breasts and arms of a synthetic chest radiograph."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from data_gen.chest_anatomy import (
    BOTTOM,
    SIDES,
    STEPS,
    TOP,
    Anatomy,
    Frame,
    Layout,
    body_outline,
    heart_border,
    heart_box,
    mediastinum_reach,
    smooth_noise,
    step,
)

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


LEVELS = 5
BLUR = 0.0032  # of the side: radius of the vessels' soft edges


def branches(anatomy: Anatomy, side: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Segments of one lung's tree, level by level: N x 4 (x, y of both ends) in the unit square."""
    count = 9
    angles = np.linspace(-1.2, 1.3, count) + generator.normal(0, 0.16, count)  # 0: straight outwards
    x = np.full(count, anatomy.middle + side * anatomy.mediastinum * 1.05)
    y = 0.43 + np.linspace(-0.045, 0.06, count)
    length = generator.uniform(0.04, 0.065, count)
    levels = []
    for _ in range(LEVELS):
        reach = length * generator.uniform(0.75, 1.3, len(x))
        ends = np.stack((x + side * reach * np.cos(angles), y + 1.15 * reach * np.sin(angles)), axis=1)
        levels.append(np.column_stack((x, y, ends)))
        # Each goes on nearly straight; most send off a side branch.
        forks = generator.random(len(x)) < 0.62
        turns = generator.normal(0, 0.20, len(x))
        side_turns = generator.choice((-1, 1), len(x)) * generator.uniform(0.35, 0.8, len(x))
        x = np.concatenate((ends[:, 0], ends[forks, 0]))
        y = np.concatenate((ends[:, 1], ends[forks, 1]))
        length = np.concatenate((length, 0.75 * length[forks])) * 0.97
        angles = np.concatenate((angles + turns, (angles + side_turns)[forks]))
    return levels


def vessel_layer(layout: Layout) -> np.ndarray:
    """Attenuation of vessels and mottle in the lungs (side x side, float32)."""
    anatomy, frame = layout.anatomy, layout.frame
    generator = np.random.default_rng(anatomy.texture)
    canvas = Image.new("L", (frame.side, frame.side))
    draw = ImageDraw.Draw(canvas)
    trees = [branches(anatomy, side, generator) for side in SIDES]
    for level in reversed(range(LEVELS)):
        width = 0.0150 * 0.72**level * frame.side
        tone = int(250 * 0.80**level * min(1.0, width))
        both = np.concatenate([tree[level] for tree in trees])
        ends = frame.points(both.reshape(-1, 2)).reshape(-1, 4) * frame.side
        for segment in ends.tolist():
            draw.line(segment, fill=tone, width=max(1, round(width)))
    soft = canvas.filter(ImageFilter.GaussianBlur(BLUR * frame.side))
    tissue = np.asarray(soft, np.float32) * np.float32(0.26 / 255 * anatomy.vessels)
    fine = smooth_noise(generator, frame.side, frame.side, 70, 70)
    tissue += np.float32(0.020 * anatomy.mottle) * fine
    tissue *= layout.lungs
    return tissue


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
