"""Marks of the synthetic scenes: a plate with a sign on it. The deciding parts are marks, and so are decoys.

Parts and decoys are drawn from the same plates, colours and angles; they differ in the sign alone.
"""

import colorsys
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

FINE = 4  # sub-pixels along each side
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
