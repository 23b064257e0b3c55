"""Findings of the pleural space: fluid that blunts the costophrenic angle, and air that strips the lung off."""

import numpy as np

from data_gen.chest_findings import Finding, asked_size
from data_gen.chest_frame import step
from data_gen.chest_layout import Layout
from data_gen.chest_shadows import Shadow


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
    pleura = (
        side * inner[rows] + np.maximum(reach - rim, 0.05 * reach) * arc
    )  # x of the pleura, times the side
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
