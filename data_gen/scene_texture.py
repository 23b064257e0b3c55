"""Textures of the synthetic scenes: two colours mixed by a random pattern, under a slanting light."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

PATTERNS = ("plain", "stripes", "blobs", "noise")


@dataclass(frozen=True)
class Texture:
    """A texture: its pattern, colours (0 to 255), the pattern's size in pixels and its angle, and its seed."""

    pattern: str
    first: tuple[float, float, float]
    second: tuple[float, float, float]
    scale: float
    angle: float
    light: float
    seed: int


def draw_texture(
    generator: np.random.Generator,
    scale: tuple[float, float],
    contrast: tuple[float, float],
    away_from: tuple[float, float, float] | None = None,
) -> Texture:
    """Draw a texture.

    Args:
        generator: source of the draws.
        scale: range of the pattern's size in pixels.
        contrast: range of the share by which the second colour leaves the first for another one.
        away_from: a colour from which the first keeps a distance of 90 where 20 draws give one that does.
    """
    first = generator.uniform(25, 235, 3)
    for _ in range(20):
        if away_from is None or np.linalg.norm(first - away_from) >= 90:
            break
        first = generator.uniform(25, 235, 3)
    other = generator.uniform(0, 255, 3)
    second = first + generator.uniform(*contrast) * (other - first)
    return Texture(
        pattern=str(generator.choice(PATTERNS)),
        first=(float(first[0]), float(first[1]), float(first[2])),
        second=(float(second[0]), float(second[1]), float(second[2])),
        scale=float(np.exp(generator.uniform(*np.log(scale)))),
        angle=float(generator.uniform(0, 2 * np.pi)),
        light=float(generator.uniform(0.0, 0.25)),
        seed=int(generator.integers(2**32)),
    )


def render(texture: Texture, height: int, width: int) -> np.ndarray:
    """Render ``texture`` as uint8 (height, width, 3)."""
    generator = np.random.default_rng(texture.seed)
    x = np.arange(width, dtype=np.float32)
    y = np.arange(height, dtype=np.float32)[:, None]
    along = x * np.float32(np.cos(texture.angle)) + y * np.float32(np.sin(texture.angle))
    mix = _pattern(texture, generator, along, height, width)
    # ±light from one end to the other, so that no body is one flat colour.
    low, high = float(along.min()), float(along.max())
    light = (1 - texture.light) + (along - low) * np.float32(2 * texture.light / max(high - low, 1))
    colours = np.empty((height, width, 3), np.uint8)
    for channel, (first, second) in enumerate(zip(texture.first, texture.second, strict=True)):
        plane = (np.float32(first) + mix * np.float32(second - first)) * light
        colours[..., channel] = np.clip(plane, 0, 255)  # a plane at a time: several times faster
    return colours


def smooth_noise(generator: np.random.Generator, height: int, width: int, scale: float) -> np.ndarray:
    """Noise (height, width) of mean 0 and deviation about 1 at its knots, which lie ``scale`` pixels apart."""
    rows, columns = (max(2, round(n / scale) + 1) for n in (height, width))
    knots = generator.standard_normal((rows, columns)).astype(np.float32)
    return np.asarray(Image.fromarray(knots).resize((width, height), Image.Resampling.BICUBIC))


def _pattern(
    texture: Texture, generator: np.random.Generator, along: np.ndarray, height: int, width: int
) -> np.ndarray:
    """The second colour's share of each pixel, 0 to 1."""
    if texture.pattern == "plain":
        return np.zeros((height, width), np.float32)
    if texture.pattern == "stripes":
        phase = generator.uniform(0, 2 * np.pi)
        wave = np.sin(along * np.float32(2 * np.pi / texture.scale) + np.float32(phase))
        return np.clip(0.5 + 1.5 * wave, 0, 1)
    if texture.pattern == "blobs":
        return np.clip(0.5 + 2 * smooth_noise(generator, height, width, texture.scale), 0, 1)
    if texture.pattern == "noise":
        coarse = max(texture.scale / 5, 1.5)
        return np.clip(0.5 + 0.4 * smooth_noise(generator, height, width, coarse), 0, 1)
    raise ValueError(f"pattern: found {texture.pattern!r}, expected one of {', '.join(PATTERNS)}")
