"""Outlines of the bodies and of clutter, and their antialiased coverage of a picture.

Coordinates are (x, y) in the picture's pixels, pixel 0 reaching from 0 to 1.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

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
