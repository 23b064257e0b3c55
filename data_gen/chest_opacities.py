"""Opacities in the lung: nodule, mass, infiltration, pneumonia, atelectasis and calcification."""

import numpy as np

from data_gen.chest_findings import Finding
from data_gen.chest_frame import smooth_noise, step
from data_gen.chest_layout import Layout
from data_gen.chest_shadows import Shadow, Spot, spot_of


def nodule(layout: Layout, finding: Finding, generator: np.random.Generator) -> Shadow:
    """A soft, nearly round disc."""
    spot = spot_of(layout, finding, generator)
    extent = _ramp(1 - _radius(spot, generator, 0.06), 0.45) * spot.lung
    return Shadow(spot.window, extent, np.float32(finding.between(0.20, 0.28)) * extent, 0.6 * extent)


def mass(layout: Layout, finding: Finding, generator: np.random.Generator) -> Shadow:
    """A dense body of several lobes with a rather sharp edge."""
    spot = spot_of(layout, finding, generator)
    lobes = int(generator.integers(3, 6))
    angles = (
        np.linspace(0, 2 * np.pi, lobes, endpoint=False)
        + generator.uniform(-0.45, 0.45, lobes)
        + generator.uniform(0, 6)
    )
    inside = 1 - _radius(spot, generator, 0.05) / 0.84
    for angle, size in zip(angles, generator.uniform(0.40, 0.62, lobes), strict=True):
        away = 1 - size
        apart = np.sqrt((spot.x - away * np.cos(angle)) ** 2 + (spot.y - away * np.sin(angle)) ** 2)
        inside = np.maximum(inside, 1 - apart / np.float32(size))
    extent = _ramp(inside.astype(np.float32), 0.28) * spot.lung
    return Shadow(spot.window, extent, np.float32(finding.between(0.28, 0.42)) * extent, 0.8 * extent)


def infiltration(layout: Layout, finding: Finding, generator: np.random.Generator) -> Shadow:
    """A hazy, patchy area without an edge."""
    spot = spot_of(layout, finding, generator)
    patches = 0.72 + 0.26 * _patches(spot, generator, 0.045) + 0.24 * _patches(spot, generator, 0.017)
    patches = np.clip(patches, 0.1, 1.25)
    extent = (
        _ramp(1.0 - _radius(spot, generator, 0.12) + 0.12 * _patches(spot, generator, 0.08), 0.6) * spot.lung
    )
    add = np.float32(finding.between(0.24, 0.36)) * extent * patches
    return Shadow(spot.window, np.clip(extent * patches, 0, 1), add, 0.25 * extent)


def pneumonia(layout: Layout, finding: Finding, generator: np.random.Generator) -> Shadow:
    """A denser, more even patch than an infiltration, with dark branches of air in it."""
    spot = spot_of(layout, finding, generator)
    patches = np.clip(0.9 + 0.22 * _patches(spot, generator, 0.05), 0.4, 1.25)
    uneven = 0.16 * _patches(spot, generator, 0.07)
    extent = _ramp(0.95 - _radius(spot, generator, 0.14) + uneven, 0.5) * spot.lung
    if generator.random() < 0.5:  # a fissure bounds it on one side
        edge = generator.uniform(0.45, 0.75)
        extent = extent * step(edge - generator.choice((-1, 1)) * (spot.y + 0.15 * spot.x), 0.12)
    add = np.float32(finding.between(0.34, 0.46)) * extent * patches
    add = add * (1 - 0.32 * _bronchi(spot, finding.place.side or 1, generator))
    return Shadow(spot.window, extent, add, 0.9 * extent)


def atelectasis(layout: Layout, finding: Finding, generator: np.random.Generator) -> Shadow:
    """One to three plates across the lung, or a wedge whose sharp edge is a displaced fissure."""
    spot = spot_of(layout, finding, generator)
    inward = finding.place.side or 1
    if generator.random() < 0.6:
        extent = _plates(spot, generator) * spot.lung
        return Shadow(spot.window, extent, np.float32(finding.between(0.30, 0.42)) * extent, 0.5 * extent)
    along = np.clip((1 + inward * spot.x) / 2, 0, 1)  # 0 at the hilum, 1 at the chest wall
    upper = generator.choice((-1, 1))  # the fissure bounds the wedge above or below
    slant = 0.75 * along
    distance = upper * spot.y
    sharp = step(0.92 * along**0.7 - distance, 0.14)
    soft = step(distance + slant, 0.7)
    extent = sharp * soft * step(along - 0.1, 0.2) * step(1 - along, 0.3) * spot.lung
    # Vessels crowd where the lung has lost its volume: streaks towards the hilum.
    streaks = 0.85 + 0.15 * np.sin(9 * distance / (0.35 + along) + generator.uniform(0, 6))
    add = np.float32(finding.between(0.28, 0.40)) * extent * streaks
    return Shadow(spot.window, extent, add.astype(np.float32), 0.7 * extent)


def calcification(layout: Layout, finding: Finding, generator: np.random.Generator) -> Shadow:
    """Two to five small, very bright, irregular flecks."""
    spot = spot_of(layout, finding, generator)
    extent = np.zeros_like(spot.lung)
    for _ in range(int(generator.integers(2, 6))):
        size = generator.uniform(0.3, 0.5)
        x, y = generator.uniform(-0.95 + size, 0.95 - size, 2).astype(np.float32)
        apart = np.sqrt((spot.x - x) ** 2 + (spot.y - y) ** 2) / np.float32(size)
        uneven = 0.25 * _patches(spot, generator, 0.011)
        extent = np.maximum(extent, _ramp(0.95 - apart + uneven, 0.35))
    extent = extent * spot.lung
    return Shadow(spot.window, extent, np.float32(finding.between(0.55, 0.9)) * extent, 0.9 * extent)


def _radius(spot: Spot, generator: np.random.Generator, wobble: float) -> np.ndarray:
    """Distance from the centre, 1 at an outline that wobbles by the share ``wobble`` inside the spot."""
    angle = np.arctan2(spot.y, spot.x)
    phases = generator.uniform(0, 2 * np.pi, 3).astype(np.float32)
    wave = sum(np.sin(k * angle + phase) / np.float32(k) for k, phase in zip((2, 3, 5), phases, strict=True))
    return np.sqrt(spot.x**2 + spot.y**2) * (1 + np.float32(wobble) * (1 + wave))


def _ramp(inside: np.ndarray, width: float) -> np.ndarray:
    """0 outside, rising smoothly to 1 over ``width`` from the edge inwards."""
    return step(inside - width / 2, width)


def _patches(spot: Spot, generator: np.random.Generator, size: float) -> np.ndarray:
    height, width = spot.lung.shape
    return smooth_noise(generator, height, width, spot.height / size, spot.width / size)


def _plates(spot: Spot, generator: np.random.Generator) -> np.ndarray:
    """Plates as thick as 8 to 14 thousandths of the picture, at most 30 degrees from level, to the spot's ends."""
    count = int(generator.integers(1, 4))
    slope = generator.uniform(0.25, 0.6) * generator.choice((-1, 1))
    extent = np.zeros_like(spot.lung)
    for offset in np.linspace(-0.5, 0.5, count) if count > 1 else (0.0,):
        thick = generator.uniform(0.008, 0.014) * 2 / spot.height
        length = generator.uniform(0.75, 1.0)
        bow = generator.uniform(-0.15, 0.15)
        distance = np.abs(spot.y - (slope * spot.x + offset + bow * (spot.x**2 - 0.3)))
        plate = step(1.5 * thick - distance, 2 * thick) * step(length - np.abs(spot.x), 0.35)
        extent = np.maximum(extent, plate)
    haze = 0.28 * _ramp(1 - np.sqrt(spot.x**2 + spot.y**2), 0.9)
    return np.maximum(extent, haze).astype(np.float32)


def _bronchi(spot: Spot, side: int, generator: np.random.Generator) -> np.ndarray:
    """Thin branches (0 to 1) that fan out from the hilum's side of the spot."""
    tone = np.zeros_like(spot.lung)
    x = spot.x * side
    for _ in range(int(generator.integers(3, 6))):
        slope, start = generator.uniform(-0.7, 0.7), generator.uniform(-0.25, 0.25)
        bend = generator.uniform(-0.25, 0.25)
        distance = np.abs(spot.y - start - slope * (x + 0.8) - bend * x**2)
        thick = 0.006 * 2 / spot.height
        tone = np.maximum(tone, step(1.2 * thick - distance, 1.6 * thick) * step(0.7 - np.abs(x), 0.3))
    return tone
