"""What lies on a radiograph and is no finding: leads, tubes, pacemakers, buttons, nipple shadows, rib ends, letters.

None of it tells of a finding: it is drawn without regard to the findings. Leads, tubes and pacemakers are commoner
in anterior-posterior pictures, taken at the bedside. Small bright discs lie outside the lungs or are sharp and far
denser than a nodule; nipple shadows come in pairs at one height.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from data_gen.chest_anatomy import SIDES, Layout, step

TWICE = 2


@dataclass(frozen=True)
class Devices:
    """Which objects a picture shows (counts, or whether), the letter of the marker, and the seed of the rest."""

    leads: int
    tubes: int
    buttons: int
    pacemaker: bool
    nipples: bool
    rib_ends: bool
    marker: int  # side of the letter, -1 (R) or 1 (L)
    lettering: int  # 0: the letter, 1: in a frame, 2: on a disc
    texture: int


def draw_devices(generator: np.random.Generator, bedside: bool, female: bool, age: int) -> Devices:
    """Draw the objects of a picture; ``bedside`` for an anterior-posterior view."""
    chance = generator.random(6)
    return Devices(
        leads=int(generator.integers(1, 4)) if chance[0] < (0.5 if bedside else 0.12) else 0,
        tubes=int(generator.integers(1, 3)) if chance[1] < (0.4 if bedside else 0.08) else 0,
        buttons=int(generator.integers(1, 4)) if chance[2] < 0.15 else 0,
        pacemaker=bool(chance[3] < (0.07 if bedside else 0.03)),
        nipples=bool(chance[4] < (0.08 if female else 0.15)),
        rib_ends=bool(chance[5] < (0.5 if age > 60 else 0.1)),
        marker=int(generator.choice((-1, 1), p=(0.3, 0.7))),
        lettering=int(generator.integers(0, 2)),
        texture=int(generator.integers(2**32)),
    )


def add_objects(picture: np.ndarray, layout: Layout, devices: Devices) -> None:
    """Add all but the marker to the attenuation."""
    generator = np.random.default_rng(devices.texture)
    if devices.nipples:
        _nipples(picture, layout, generator)
    if devices.rib_ends:
        _rib_ends(picture, layout, generator)
    if not (devices.leads or devices.tubes or devices.buttons or devices.pacemaker):
        return
    side = layout.frame.side * TWICE
    canvas = Image.new("L", (side, side))
    draw = ImageDraw.Draw(canvas)
    thin = max(1, round(side * 0.0035))
    for _ in range(devices.leads):
        _lead(draw, layout, generator, thin, side)
    for _ in range(devices.tubes):
        _tube(draw, layout, generator, thin, side)
    for _ in range(devices.buttons):
        _button(draw, layout, generator, side)
    if devices.pacemaker:
        _pacemaker(draw, layout, generator, thin, side)
    picture += np.asarray(canvas.reduce(TWICE), np.float32) * np.float32(1.6 / 255)


def _bezier(points: np.ndarray) -> np.ndarray:
    """48 points along the cubic curve of four control points."""
    t = np.linspace(0, 1, 48)[:, None]
    a, b, c, d = points
    return (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d


def _stroke(draw: ImageDraw.ImageDraw, curve: np.ndarray, width: int, tone: int, side: int) -> None:
    draw.line((curve * side).ravel().tolist(), fill=tone, width=width, joint="curve")


def _lead(
    draw: ImageDraw.ImageDraw, layout: Layout, generator: np.random.Generator, thin: int, side: int
) -> None:
    """A wire from the picture's edge to an electrode: a ring with a bright centre, on the chest."""
    half = int(generator.choice(SIDES))
    end = np.array(layout.on_chest(half, generator.uniform(0.6, 1.05), generator.uniform(0.1, 0.95)))
    start = np.array([0.5 + half * generator.uniform(0.1, 0.55), generator.choice((-0.02, 1.02))])
    between = start + (end - start) * np.array([[0.35], [0.7]]) + generator.normal(0, 0.10, (2, 2))
    _stroke(draw, _bezier(np.stack((start, *between, end))), thin, 62, side)
    x, y = end * side
    radius = 0.013 * side
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=75, width=thin)
    draw.rectangle((x - 0.3 * radius, y - 0.3 * radius, x + 1.2 * radius, y + 0.3 * radius), fill=120)


def _tube(
    draw: ImageDraw.ImageDraw, layout: Layout, generator: np.random.Generator, thin: int, side: int
) -> None:
    """A tracheal tube, a feeding tube or a central line: two faint walls or one line."""
    middle = layout.frame.point(layout.anatomy.middle, 0.2)[0]
    kind = int(generator.integers(3))
    if kind == 2:  # central line from one side of the neck to the heart
        half = int(generator.choice(SIDES))
        neck = [[middle + half * 0.2, -0.02], [middle + half * 0.14, 0.12], [middle - 0.03, 0.18]]
        curve = np.array([*neck, [middle - 0.05, generator.uniform(0.34, 0.46)]])
        _stroke(draw, _bezier(curve), thin, 50, side)
        return
    end = generator.uniform(0.26, 0.34) if kind == 0 else generator.uniform(0.8, 0.95)
    bend = 0.0 if kind == 0 else generator.uniform(0.02, 0.08)
    top = [middle + generator.normal(0, 0.02), -0.02]
    curve = np.array([top, [middle, 0.15], [middle, 0.6 * end], [middle + bend, end]])
    for wall in (-0.008, 0.008):
        _stroke(draw, _bezier(curve + np.array([wall, 0.0])), thin, 42, side)


def _button(draw: ImageDraw.ImageDraw, layout: Layout, generator: np.random.Generator, side: int) -> None:
    """A button or clip beside or below the lungs: sharp, far denser than tissue."""
    half = int(generator.choice(SIDES))
    x, y = layout.on_chest(half, generator.uniform(1.08, 1.25), generator.uniform(0.2, 1.0))
    if generator.random() < 0.5:
        x, y = layout.on_chest(half, generator.uniform(0.2, 0.9), generator.uniform(1.1, 1.25))
    radius = generator.uniform(0.006, 0.013) * side
    draw.ellipse(
        (x * side - radius, y * side - radius, x * side + radius, y * side + radius),
        fill=int(generator.integers(70, 150)),
        outline=190,
        width=max(1, round(radius / 3)),
    )


def _pacemaker(
    draw: ImageDraw.ImageDraw, layout: Layout, generator: np.random.Generator, thin: int, side: int
) -> None:
    half = 1 if generator.random() < 0.8 else -1
    x, y = layout.on_chest(half, generator.uniform(0.85, 1.0), generator.uniform(0.12, 0.25))
    radius = generator.uniform(0.045, 0.055)
    box = ((x - radius) * side, (y - 0.85 * radius) * side, (x + radius) * side, (y + 0.85 * radius) * side)
    draw.rounded_rectangle(box, radius=0.6 * radius * side, fill=150, outline=220, width=thin)
    middle = layout.frame.point(layout.anatomy.middle, 0.3)[0]
    tip = np.array([middle + generator.uniform(0.05, 0.12), generator.uniform(0.6, 0.68)])
    curve = _bezier(np.array([[x, y], [middle + half * 0.05, 0.12], [middle - 0.11, 0.36], tip]))
    _stroke(draw, curve, max(1, round(1.3 * thin)), 120, side)


def _nipples(picture: np.ndarray, layout: Layout, generator: np.random.Generator) -> None:
    across, down = generator.uniform(0.66, 0.78), generator.uniform(0.74, 0.84)
    radius = generator.uniform(0.012, 0.016)
    for half in SIDES:
        x, y = layout.on_chest(half, across, down + generator.normal(0, 0.01))
        window = layout.frame.window(x - radius, y - radius, x + radius, y + radius)
        columns, rows = layout.frame.coordinates(window)
        inside = 1 - np.sqrt((columns - x) ** 2 + (rows - y) ** 2) / radius
        picture[window] += (0.10 * step(inside - 0.35, 0.7)).astype(np.float32)


def _rib_ends(picture: np.ndarray, layout: Layout, generator: np.random.Generator) -> None:
    """Calcified cartilage: small bright flecks where the lower anterior ribs end."""
    for half in SIDES:
        for down in np.arange(0.52, 0.98, 0.115):
            x, y = layout.on_chest(half, 0.0, down)
            x = layout.frame.point(layout.anatomy.middle, 0)[0] + half * generator.uniform(0.15, 0.19)
            size = generator.uniform(0.008, 0.013)
            window = layout.frame.window(x - 2.2 * size, y - size, x + 2.2 * size, y + size)
            columns, rows = layout.frame.coordinates(window)
            tilted = rows - y - 0.3 * half * (x - columns)
            inside = 1 - np.sqrt(((columns - x) / (2 * size)) ** 2 + (tilted / (0.6 * size)) ** 2)
            picture[window] += (0.09 * step(inside - 0.3, 0.6)).astype(np.float32)


_LETTERS: dict[str, list[tuple[float, float, float, float]]] = {
    "L": [(0, 0, 0, 1), (0, 1, 0.6, 1)],
    "R": [
        *((0, 0, 0, 1), (0, 0, 0.5, 0), (0.5, 0, 0.62, 0.25)),
        *((0.62, 0.25, 0.5, 0.5), (0.5, 0.5, 0, 0.5), (0.25, 0.5, 0.65, 1)),
    ],
}


def stamp_marker(image: np.ndarray, devices: Devices) -> None:
    """Write the side's letter near the upper corner of the finished picture (uint8), in place."""
    generator = np.random.default_rng((devices.texture, 1))
    height = image.shape[0]
    size = max(6.0, generator.uniform(0.028, 0.042) * height)
    x = 0.5 + devices.marker * generator.uniform(0.37, 0.44)
    left, top = x * height - size / 2, generator.uniform(0.03, 0.16) * height
    origin = max(0, int(left - size)), max(0, int(top - size))
    corner = min(height, int(left + 2 * size)), min(height, int(top + 2.2 * size))
    canvas = Image.new("L", ((corner[0] - origin[0]) * 4, (corner[1] - origin[1]) * 4))
    shade = Image.new("L", canvas.size)
    draw, plate = ImageDraw.Draw(canvas), ImageDraw.Draw(shade)
    scale, width = 4 * size, max(6, round(0.8 * size))
    middle = ((left - origin[0]) * 4 + 0.3 * scale, (top - origin[1]) * 4 + 0.5 * scale)
    reach = 0.85 * scale
    around = (middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach)
    if devices.lettering == 1:
        draw.ellipse(around, outline=220, width=width)
    if devices.lettering == 2:
        plate.ellipse(around, fill=255)
    for stroke in _LETTERS["L" if devices.marker == 1 else "R"]:
        ends = np.reshape(stroke, (2, 2)) - (0.3, 0.5)
        draw.line((ends * scale + middle).ravel().tolist(), fill=250, width=width)
    window = image[origin[1] : corner[1], origin[0] : corner[0]]
    dark = np.asarray(shade.reduce(4), np.float32) / 255
    window[:] = np.maximum(window * (1 - dark), np.asarray(canvas.reduce(4), np.float32))
