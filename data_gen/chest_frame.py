"""Where a chest lies in its picture: curves of the anatomy as columns of each pixel row and rows of each column.

The anatomy is drawn in a unit square (x to the right, y down). A pose scales it, shifts it and turns it about the
square's centre; a frame adds the picture's side in pixels. Shapes are bounded by such curves, with soft edges.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

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
        """Points (N x 2) of the anatomy in shares of the picture's side.

        >>> Frame(256, Pose(scale=2.0, right=0.1)).points(np.array([[0.5, 0.5], [0.6, 0.5]])).round(3).tolist()
        [[0.6, 0.5], [0.8, 0.5]]
        """
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
    """Soft step: 0 below ``-width / 2``, 1 above ``width / 2``, with no kink between.

    >>> step(np.array([-1.0, 0.0, 0.25, 1.0]), 1.0).tolist()
    [0.0, 0.5, 0.84375, 1.0]
    """
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
