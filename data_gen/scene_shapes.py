"""Shapes of the synthetic scenes: outlines of bodies and clutter, their coverage of a picture, and marks.

Coordinates are (x, y) in the picture's pixels, pixel 0 reaching from 0 to 1.

Five bodies come in two classes each, which differ only in the kind of one part. Bodies and kinds form a cycle (disc:
ring, cross; block: cross, moon; wedge: moon, star; …), so that a kind occurs on two bodies: neither the body nor the
part alone gives the class away. Who looks at bodies alone is right for 61 % of the objects at best, who looks at parts
alone for 67.5 %. Frequencies span what Pascal VOC 2012's do: from 31 %, the share of person (8566 of the 27450 objects
of trainval), to 2.5 %, about that of train (628).

A mark is a plate with a sign on it. Parts and decoys are drawn from the same plates, colours and angles; they differ in
the sign alone.
"""

import colorsys
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

BODIES = ("disc", "block", "wedge", "gear", "drop")
KINDS = ("ring", "cross", "moon", "star", "bars")
DECOYS = ("triangle", "dots", "half", "checks")  # look like parts, belong to no class
FREQUENCIES = (0.31, 0.14, 0.12, 0.10, 0.085, 0.075, 0.06, 0.05, 0.035, 0.025)
MOST_OBJECTS = 12
STOP = 0.417  # of the geometric law of counts, whose mean is VOC's 2.38 when cut off beyond 12


class SceneClass(NamedTuple):
    """A class: its body and the kind of its deciding part."""

    body: str
    kind: str

    @property
    def name(self) -> str:
        """The class name in annotations, such as "disc-ring"."""
        return f"{self.body}-{self.kind}"


CLASSES = tuple(
    SceneClass(body, KINDS[(i + step) % len(KINDS)]) for i, body in enumerate(BODIES) for step in (0, 1)
)
"""All classes, the most frequent first, in the order of ``FREQUENCIES``."""


def partner(one: SceneClass) -> SceneClass:
    """Return the class with the same body and the other part."""
    pair = [other for other in CLASSES if other.body == one.body]
    if one not in pair:
        raise ValueError(f"one: found {one.name!r}, expected one of the ten classes")
    return pair[1 - pair.index(one)]


def draw_classes(generator: np.random.Generator) -> list[SceneClass]:
    """Draw the classes of one scene's objects: 1 to 12 of them, 2.38 on average as in VOC, independently.

    VOC 2012 trainval has 27450 objects in 11540 images.
    """
    counts = np.arange(1, MOST_OBJECTS + 1)
    law = (1 - STOP) ** (counts - 1)
    count = generator.choice(counts, p=law / law.sum())
    return [CLASSES[i] for i in generator.choice(len(CLASSES), size=count, p=FREQUENCIES)]


FINE = 4  # sub-pixels along each side


@dataclass(frozen=True, eq=False)
class Patch:
    """Coverage of a rectangle of the picture: its corner, and alpha (uint8, height x width)."""

    left: int
    top: int
    alpha: np.ndarray

    @property
    def window(self) -> tuple[slice, slice]:
        """The rectangle as rows and columns of the picture."""
        height, width = self.alpha.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @property
    def solid(self) -> np.ndarray:
        """The pixels that are covered by half or more (bool)."""
        return self.alpha >= 128


def body_outline(generator: np.random.Generator, body: str) -> np.ndarray:
    """Draw an outline (n, 2) of ``body``, of random proportions and orientation, filling the unit square."""
    t = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    if body == "disc":
        points = np.stack((np.cos(t), np.sin(t)), axis=1)
    elif body == "block":
        power = 2 / generator.uniform(6, 12)
        points = np.stack((_power(np.cos(t), power), _power(np.sin(t), power)), axis=1)
    elif body == "wedge":
        corners = 2 * np.pi * (np.arange(3) / 3) + generator.uniform(-0.25, 0.25, 3)
        points = _rounded(np.stack((np.cos(corners), np.sin(corners)), axis=1), 0.08)
    elif body == "gear":
        teeth = int(generator.integers(7, 10))
        steps = np.arange(4 * teeth)
        angle = 2 * np.pi * (steps // 4 + np.array((0.0, 0.12, 0.48, 0.60))[steps % 4]) / teeth
        radius = np.where((steps % 4 == 1) | (steps % 4 == 2), 1.0, generator.uniform(0.74, 0.8))
        points = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
    elif body == "drop":
        x = np.sin(t) * np.sin(t / 2) ** generator.uniform(1.3, 1.7)
        points = np.stack((generator.uniform(1.25, 1.45) * x, np.cos(t)), axis=1)
    else:
        raise ValueError(f"body: found {body!r}, expected disc, block, wedge, gear or drop")
    return _filling_unit_square(_rotated(points, generator.uniform(0, 2 * np.pi)))


def blob_outline(generator: np.random.Generator) -> np.ndarray:
    """Draw the outline (n, 2) of a clutter shape, without a name, filling the unit square."""
    corners = int(generator.integers(3, 9))
    angle = np.sort(generator.uniform(0, 2 * np.pi, corners)) + np.linspace(0, 2, corners)
    points = generator.uniform(0.4, 1, corners)[:, None] * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    if generator.random() < 0.5:
        points = _rounded(_rounded(points, 0.25), 0.25)
    return _filling_unit_square(points)


def coverage(outline: np.ndarray, size: tuple[int, int]) -> Patch:
    """Rasterise a filled outline, clipped to a picture of ``size`` (width, height); at least one pixel."""
    low = np.floor(outline.min(0)).astype(int)
    high = np.ceil(outline.max(0)).astype(int)
    left, top = np.clip(low, 0, np.array(size) - 1)
    right, bottom = np.clip(high, (left + 1, top + 1), size)
    fine = Image.new("L", (int(right - left) * FINE, int(bottom - top) * FINE))
    # Half a sub-pixel less: Pillow's coordinates are the centres of pixels.
    points = (outline - (left, top)) * FINE - 0.5
    ImageDraw.Draw(fine).polygon([tuple(point) for point in points.tolist()], fill=255)
    return Patch(int(left), int(top), np.asarray(fine.reduce(FINE)))


def _power(values: np.ndarray, exponent: float) -> np.ndarray:
    return np.sign(values) * np.abs(values) ** exponent


def _rounded(points: np.ndarray, share: float) -> np.ndarray:
    """Cut each corner at ``share`` of its two sides."""
    after = np.roll(points, -1, axis=0)
    cut = np.stack(((1 - share) * points + share * after, share * points + (1 - share) * after), axis=1)
    return cut.reshape(-1, 2)


def _rotated(points: np.ndarray, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array(((c, s), (-s, c)))


def _filling_unit_square(points: np.ndarray) -> np.ndarray:
    low, high = points.min(0), points.max(0)
    return (points - low) / (high - low)


PLATES = ("round", "eight-sided", "square")
RADIUS = 0.40  # of the sign, in sides of the mark
Colour = tuple[int, int, int]
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """A mark: its sign ``kind``, the corner and the side of its box in pixels, and its looks."""

    kind: str
    left: int
    top: int
    side: int
    plate: str
    angle: float
    plate_colour: Colour
    sign_colour: Colour

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(x_min, y_min, x_max, y_max) in 0-based pixel edges; all that the mark paints lies inside."""
        return self.left, self.top, self.left + self.side, self.top + self.side


def draw_mark(generator: np.random.Generator, kind: str, left: int, top: int, side: int) -> Mark:
    """Draw the looks of a mark; the draws are the same whatever the kind."""
    light = _colour(generator, (0.0, 0.5), (0.72, 1.0))
    dark = _colour(generator, (0.3, 1.0), (0.08, 0.42))
    if generator.random() < 0.5:
        light, dark = dark, light
    plate = str(generator.choice(PLATES))
    return Mark(kind, left, top, side, plate, float(generator.uniform(0, 2 * np.pi)), light, dark)


def paint_mark(picture: Image.Image, mark: Mark) -> None:
    """Paint ``mark`` on ``picture``, in place."""
    corner = (mark.left, mark.top)
    size = (mark.side, mark.side)
    picture.paste(Image.new("RGB", size, mark.plate_colour), corner, _plate(mark))
    picture.paste(Image.new("RGB", size, mark.sign_colour), corner, _sign(mark))


def _plate(mark: Mark) -> Image.Image:
    fine = Image.new("L", (mark.side * FINE, mark.side * FINE))
    pen, last = ImageDraw.Draw(fine), mark.side * FINE - 1
    if mark.plate == "round":
        pen.ellipse((0, 0, last, last), fill=255)
    elif mark.plate == "square":
        pen.rounded_rectangle((0, 0, last, last), radius=last // 6, fill=255)
    else:
        a, b = 0.29 * last, 0.71 * last
        corners = ((a, 0), (b, 0), (last, a), (last, b), (b, last), (a, last), (0, b), (0, a))
        pen.polygon(corners, fill=255)
    return fine.reduce(FINE)


def _sign(mark: Mark) -> Image.Image:
    """The sign as alpha; it lies within the circle of ``RADIUS`` x side around the mark's middle."""
    fine = Image.new("L", (mark.side * FINE, mark.side * FINE))
    pen = ImageDraw.Draw(fine)
    middle = (mark.side * FINE - 1) / 2
    unit = RADIUS * mark.side * FINE
    turn = np.array(((np.cos(mark.angle), np.sin(mark.angle)), (-np.sin(mark.angle), np.cos(mark.angle))))

    def place(points: np.ndarray) -> Points:
        return [tuple(point) for point in (middle + unit * (points @ turn)).tolist()]

    def disc(x: float, y: float, radius: float, fill: int = 255) -> None:
        ((cx, cy),) = place(np.array(((x, y),)))
        r = radius * unit
        pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=fill)

    def bar(x: float, y: float, half_width: float, half_height: float) -> None:
        corners = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1))) * (half_width, half_height) + (x, y)
        pen.polygon(place(corners), fill=255)

    if mark.kind == "ring":
        disc(0, 0, 0.95)
        disc(0, 0, 0.5, fill=0)
    elif mark.kind == "cross":
        bar(0, 0, 0.95, 0.27)
        bar(0, 0, 0.27, 0.95)
    elif mark.kind == "moon":
        disc(0, 0, 0.97)
        disc(0.5, 0, 0.72, fill=0)
    elif mark.kind == "star":
        pen.polygon(place(_star(5, 0.42)), fill=255)
    elif mark.kind == "bars":
        for x in (-0.62, 0.0, 0.62):
            bar(x, 0, 0.17, 0.74)
    elif mark.kind == "triangle":
        pen.polygon(place(_star(3, 0.5)), fill=255)
    elif mark.kind == "dots":
        for angle in 2 * np.pi * np.arange(3) / 3:
            disc(0.6 * np.cos(angle), 0.6 * np.sin(angle), 0.36)
    elif mark.kind == "half":
        t = np.linspace(0, np.pi, 32)
        pen.polygon(place(np.stack((np.cos(t), np.sin(t) - 0.4), axis=1)), fill=255)
    elif mark.kind == "checks":
        bar(-0.34, -0.34, 0.34, 0.34)
        bar(0.34, 0.34, 0.34, 0.34)
    else:
        raise ValueError(f"kind: found {mark.kind!r}, expected a kind of part or of decoy")
    return fine.reduce(FINE)


def _star(points: int, inner: float) -> np.ndarray:
    angle = np.pi * np.arange(2 * points) / points
    radius = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return radius[:, None] * np.stack((np.cos(angle), np.sin(angle)), axis=1)


def _colour(
    generator: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]
) -> Colour:
    rgb = colorsys.hsv_to_rgb(generator.random(), generator.uniform(*saturation), generator.uniform(*value))
    return round(255 * rgb[0]), round(255 * rgb[1]), round(255 * rgb[2])
