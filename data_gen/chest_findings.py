"""Findings of a synthetic chest radiograph: which there are, how severe, where; sizes as NIH's boxes have them.

Two kinds that NIH does not have, Calcification and Aortic enlargement, serve ``data_gen.chest_vindr``.

Severity is a number between 0 and 1. It is the share of all findings of the kind that are less severe, and sets
size and contrast; the size of a finding is what makes its box, on average over severities drawn evenly, take the
share of the picture that the paper prints (Table 1, from NIH's boxes), spread like a log-normal.

A shadow is what a finding changes in the layers of a radiograph, with the box around what can be seen of it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from data_gen.chest_anatomy import Box, Layout, Window, smooth_noise, step

NIH = (
    *("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration"),
    *("Mass", "Nodule", "Pneumonia", "Pneumothorax"),
)
"""The eight findings of NIH ChestX-ray14 that have boxes."""

PREVALENCE = dict(zip(NIH, (0.103, 0.025, 0.119, 0.177, 0.052, 0.056, 0.013, 0.047), strict=True))
"""Shares of NIH's 112,120 images."""

AREA = dict(zip(NIH, (0.032, 0.176, 0.069, 0.097, 0.042, 0.005, 0.094, 0.052), strict=True))
"""Mean area of a box as a share of the picture (paper, Table 1)."""


@dataclass(frozen=True)
class Place:
    """Where a finding lies: side -1 or 1 of the picture (0: both lungs), ``across`` and ``down`` of a lung."""

    side: int
    across: float
    down: float


@dataclass(frozen=True)
class Finding:
    """A finding to draw; ``texture`` seeds what is random in its look, ``size`` is a factor on the area asked for."""

    kind: str
    severity: float
    place: Place
    texture: int
    size: float = 1.0

    def between(self, least: float, most: float) -> float:
        """Value that goes with the severity from ``least`` to ``most``."""
        return least + (most - least) * self.severity


@dataclass(frozen=True)
class _Look:
    """Median area asked for (share of the picture), deviation of its logarithm, largest area, width over height
    with the deviation of its logarithm, ranges of across and down; the chance of lying in both lungs."""

    area: float
    spread: float
    most: float
    aspect: float
    turn: float
    across: tuple[float, float]
    down: tuple[float, float]
    both: float = 0.0


# Areas asked for are those whose boxes, cut by the lungs' borders, have the means of AREA.
LOOKS = {
    "Atelectasis": _Look(0.0325, 0.70, 0.16, 1.50, 0.45, (0.35, 0.65), (0.55, 0.85)),
    "Calcification": _Look(0.0160, 0.55, 0.035, 1.0, 0.3, (0.15, 0.85), (0.15, 0.85)),
    "Effusion": _Look(0.0570, 0.80, 0.22, 0.85, 0.30, (1.0, 1.0), (1.0, 1.0)),
    "Infiltration": _Look(0.1280, 0.70, 0.45, 0.95, 0.25, (0.35, 0.65), (0.35, 0.80), both=0.22),
    "Mass": _Look(0.0465, 0.65, 0.18, 0.95, 0.15, (0.35, 0.65), (0.25, 0.75)),
    "Nodule": _Look(0.0066, 0.45, 0.0130, 1.0, 0.08, (0.2, 0.85), (0.22, 0.82)),
    "Pneumonia": _Look(0.1160, 0.65, 0.45, 0.90, 0.25, (0.35, 0.65), (0.45, 0.85), both=0.22),
    "Pneumothorax": _Look(0.0310, 0.75, 0.20, 0.75, 0.25, (1.0, 1.0), (0.0, 0.0)),
}


def draw_place(generator: np.random.Generator, kind: str) -> Place:
    """Draw where a finding of ``kind`` lies; kinds without a place of their own get the middle of the chest."""
    side = int(generator.choice((-1, 1)))
    both, across, down = generator.random(3)
    look = LOOKS.get(kind)
    if look is None:
        return Place(0, 0.5, 0.5)
    return Place(
        0 if both < look.both else side,
        look.across[0] + across * (look.across[1] - look.across[0]),
        look.down[0] + down * (look.down[1] - look.down[0]),
    )


def asked_size(finding: Finding, generator: np.random.Generator) -> tuple[float, float]:
    """Width and height to draw a finding with, in shares of the picture's side, before the lungs cut it.

    A finding in both lungs is three times as large as one of its severity in one lung.
    """
    look = LOOKS[finding.kind]
    severity = min(max(finding.severity, 0.01), 0.99)
    area = min(look.area * np.exp(look.spread * ndtri(severity)), look.most)
    aspect = look.aspect * np.exp(look.turn * generator.standard_normal())
    if finding.place.side == 0:
        area, aspect = max(3 * area, 0.2), 1.9 * aspect**0.5
    area *= finding.size
    return float(np.sqrt(area * aspect)), float(np.sqrt(area / aspect))


SEEN = 0.15
"""Share of a shadow's full strength from which it counts as seen."""


@dataclass(frozen=True, eq=False)
class Shadow:
    """Change of one window of the picture."""

    window: Window
    extent: np.ndarray  # how much of a pixel the finding covers, 0 to 1; the box goes around extent >= SEEN
    add: np.ndarray  # attenuation added (negative: taken away)
    clear: np.ndarray | float = 0.0  # share of the vessels and of the fine mottle that goes, 0 to 1

    @property
    def box(self) -> Box | None:
        """The box, or None where nothing can be seen."""
        seen = self.extent >= SEEN
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        if not len(rows):
            return None
        top, left = self.window[0].start, self.window[1].start
        low, high = (left + columns[0], top + rows[0]), (left + columns[-1] + 1, top + rows[-1] + 1)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass(frozen=True, eq=False)
class Spot:
    """The rectangle that a finding is drawn in, where it fits into its lung."""

    window: Window
    x: np.ndarray  # -1 to 1 from its left to its right (1 x W)
    y: np.ndarray  # and from its top to its bottom (H x 1)
    width: float  # in shares of the picture's side
    height: float
    lung: np.ndarray  # how much of each pixel is lung


def spot_of(layout: Layout, finding: Finding, generator: np.random.Generator) -> Spot:
    """Place a finding's rectangle, limited to 95 % of its lung's width and moved so that it lies in the lung."""
    width, height = asked_size(finding, generator)
    place, frame = finding.place, layout.frame
    if place.side == 0:
        left, right = layout.place(-1, 0.9, place.down)[0], layout.place(1, 0.9, place.down)[0]
        y = layout.place(-1, 0.5, place.down)[1]
        x, width = (left + right) / 2, min(width, right - left)
    else:
        x, y = layout.place(place.side, place.across, place.down)
        edges = sorted(layout.place(place.side, share, place.down)[0] for share in (0.02, 0.98))
        if width > edges[1] - edges[0]:
            height *= width / (edges[1] - edges[0])
            width = edges[1] - edges[0]
        x = min(max(x, edges[0] + width / 2), edges[1] - width / 2)
    column = min(max(int(x * frame.side), 0), frame.side - 1)
    side = place.side or 1
    low, high = layout.apex[side] + 0.015, float(layout.dome[column]) - 0.005
    height = min(height, high - low)
    y = min(max(y, low + height / 2), high - height / 2)
    window = frame.window(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    columns, rows = frame.coordinates(window)
    return Spot(
        window,
        (columns - np.float32(x)) * np.float32(2 / width),
        (rows - np.float32(y)) * np.float32(2 / height),
        width,
        height,
        layout.lungs[window],
    )


def nodule(layout: Layout, finding: Finding, generator: np.random.Generator) -> Shadow:
    """A soft, nearly round disc."""
    spot = spot_of(layout, finding, generator)
    extent = _ramp(1 - _radius(spot, generator, 0.06), 0.45) * spot.lung
    return Shadow(spot.window, extent, np.float32(finding.between(0.20, 0.28)) * extent, 0.6 * extent)


def mass(layout: Layout, finding: Finding, generator: np.random.Generator) -> Shadow:
    """A dense body of several lobes with a rather sharp edge."""
    spot = spot_of(layout, finding, generator)
    lobes = int(generator.integers(3, 6))
    angles = np.linspace(0, 2 * np.pi, lobes, endpoint=False) + generator.uniform(-0.45, 0.45, lobes)
    angles += generator.uniform(0, 6)
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


def effusion(layout: Layout, finding: Finding, generator: np.random.Generator) -> Shadow:
    """Fluid: as bright as the diaphragm, its upper edge a meniscus that climbs the chest wall.

    A small one lies in the angle alone; a large one spans the lung's base and covers the dome.
    """
    side, frame = finding.place.side or 1, layout.frame
    width, height = asked_size(finding, generator)
    inner, _ = layout.place(side, 0.0, 0.95)
    wall, base = layout.place(side, 1.0, 1.0)
    height = min(np.sqrt(width * height) * height / width, 0.75 * (base - layout.apex[side]))
    columns = layout.windows[side][1]
    rows = frame.window(0, base - height - 0.02, 1, base + 0.01)[0]
    window = rows, columns
    x, y = frame.coordinates(window)
    share = np.clip(side * (x - inner) / abs(wall - inner), 0, 1)  # 0 at the heart, 1 at the wall
    level = min(0.82, 3.2 * height - 0.35)  # height of the fluid at the heart over that at the wall
    top = base - height * (level + (1 - level) * share ** (2 + 2 * max(level, 0)))
    extent = step(y - top - 0.014, 0.042) * layout.lungs[window]
    return Shadow(window, extent, np.float32(finding.between(0.55, 0.80)) * extent, 0.9 * extent)


def pneumothorax(layout: Layout, finding: Finding, generator: np.random.Generator) -> Shadow:
    """Air: a dark rim without vessels along apex and chest wall, bounded by the thin line of the pleura."""
    side, frame = finding.place.side or 1, layout.frame
    width, height = asked_size(finding, generator)
    apex, wall, inner = layout.apex[side], layout.wall[side], layout.inner[side]
    base = frame.point(0.5, layout.anatomy.base)[1]
    height = min(height, 0.97 * (base - apex))
    rows = frame.window(0, apex, 1, apex + height)[0]
    y = frame.centres[rows]
    down = (y - apex) / height
    drop = height * generator.uniform(0.16, 0.26)  # how far the apex of the lung has sunk
    rim = width * generator.uniform(0.45, 0.6) * np.sqrt(np.clip(1 - down, 0, 1))
    share = np.clip((y - apex - drop) / max(0.6 * width, 0.05), 0, 1)
    arc = np.sqrt(share * (2 - share))
    reach = side * (wall[rows] - inner[rows])
    pleura = side * inner[rows] + np.maximum(reach - rim, 0.05 * reach) * arc  # its x, times the side
    edges = sorted((side * float(pleura.min()) - side * 0.01, float(side * (side * wall[rows]).max())))
    window = frame.window(edges[0] - 0.01, apex, edges[1] + 0.01, apex + height)
    x, _ = frame.coordinates(window)
    beyond = side * x - pleura[:, None]  # above 0 in the air
    lung = layout.lungs[window]
    fade = np.clip((1 - down) / 0.08, 0, 1)[:, None] ** 0.5
    extent = step(beyond, 0.008) * lung * fade
    slant = np.gradient(pleura, 1 / frame.side)[:, None]
    line = np.exp(-((beyond / (0.0042 * np.sqrt(1 + np.minimum(slant**2, 30)))) ** 2)) * lung * fade
    depth = np.float32(finding.between(0.14, 0.20))
    add = 0.20 * line - depth * extent
    return Shadow(window, np.maximum(extent, 0.8 * line), add.astype(np.float32), np.minimum(extent, 0.97))
