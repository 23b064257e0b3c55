"""From attenuation to grey levels: the film's curve, scattered light and noise."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from data_gen.chest_frame import stretched

TABLE = 2048  # steps of the film's curve
DENSEST = 3.2  # attenuation at its end


@dataclass(frozen=True)
class Exposure:
    """How attenuation becomes grey: strength, gamma, black and white in grey levels, share of scattered light,
    noise in grey levels and its seed."""

    strength: float
    gamma: float
    black: float
    white: float
    veil: float
    noise: float
    texture: int


def expose(picture: np.ndarray, exposure: Exposure) -> np.ndarray:
    """Attenuation to grey levels along the film's curve, then scattered light and noise."""
    generator = np.random.default_rng(exposure.texture)
    side = picture.shape[0]
    coarse, fine = (generator.standard_normal((n, n), np.float32) for n in (6, 17))
    mottle = stretched(stretched(coarse, 17, 17) + fine, side, side)
    light = 1 - np.exp(-exposure.strength * np.linspace(0, DENSEST, TABLE))
    light = (light / light[-1]) ** exposure.gamma
    curve = (exposure.black + (exposure.white - exposure.black) * light).astype(np.float32)
    scale = (TABLE - 1) / DENSEST
    index = (mottle * np.float32(0.045 * scale) + np.float32(scale)) * picture
    grey = np.take(curve, np.clip(index, 0, TABLE - 1, out=index).astype(np.int16))
    # Scattered light: a share of the mean over a tenth of the side.
    scattered = Image.fromarray(grey).resize((10, 10), Image.Resampling.BOX)
    grey *= np.float32(1 - exposure.veil)
    grey += stretched(np.asarray(scattered) * np.float32(exposure.veil), side, side)
    grain = generator.standard_normal(grey.shape, np.float32)
    grain *= (grey + 60) * np.float32(exposure.noise / 180)
    grey += grain
    grey += 0.5
    return np.clip(grey, 0, 255, out=grey).astype(np.uint8)
