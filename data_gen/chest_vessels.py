"""Lung vessels: a tree of branches from each hilum, thinner and fainter outwards, and a fine mottle."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from data_gen.chest_anatomy import SIDES, Anatomy
from data_gen.chest_frame import smooth_noise
from data_gen.chest_layout import Layout

LEVELS = 5
BLUR = 0.0032  # of the side: radius of the vessels' soft edges


def branches(anatomy: Anatomy, side: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Segments of one lung's tree, level by level: N x 4 (x, y of both ends) in the unit square."""
    count = 9
    angles = np.linspace(-1.2, 1.3, count) + generator.normal(0, 0.16, count)  # 0: straight outwards
    x = np.full(count, anatomy.middle + side * anatomy.mediastinum * 1.05)
    y = 0.43 + np.linspace(-0.045, 0.06, count)
    length = generator.uniform(0.04, 0.065, count)
    levels = []
    for _ in range(LEVELS):
        reach = length * generator.uniform(0.75, 1.3, len(x))
        ends = np.stack((x + side * reach * np.cos(angles), y + 1.15 * reach * np.sin(angles)), axis=1)
        levels.append(np.column_stack((x, y, ends)))
        # Each goes on nearly straight; most send off a side branch.
        forks = generator.random(len(x)) < 0.62
        turns = generator.normal(0, 0.20, len(x))
        side_turns = generator.choice((-1, 1), len(x)) * generator.uniform(0.35, 0.8, len(x))
        x = np.concatenate((ends[:, 0], ends[forks, 0]))
        y = np.concatenate((ends[:, 1], ends[forks, 1]))
        length = np.concatenate((length, 0.75 * length[forks])) * 0.97
        angles = np.concatenate((angles + turns, (angles + side_turns)[forks]))
    return levels


def vessel_layer(layout: Layout) -> np.ndarray:
    """Attenuation of vessels and mottle in the lungs (side x side, float32)."""
    anatomy, frame = layout.anatomy, layout.frame
    generator = np.random.default_rng(anatomy.texture)
    canvas = Image.new("L", (frame.side, frame.side))
    draw = ImageDraw.Draw(canvas)
    trees = [branches(anatomy, side, generator) for side in SIDES]
    for level in reversed(range(LEVELS)):
        width = 0.0150 * 0.72**level * frame.side
        tone = int(250 * 0.80**level * min(1.0, width))
        both = np.concatenate([tree[level] for tree in trees])
        ends = frame.points(both.reshape(-1, 2)).reshape(-1, 4) * frame.side
        for segment in ends.tolist():
            draw.line(segment, fill=tone, width=max(1, round(width)))
    soft = canvas.filter(ImageFilter.GaussianBlur(BLUR * frame.side))
    tissue = np.asarray(soft, np.float32) * np.float32(0.26 / 255 * anatomy.vessels)
    fine = smooth_noise(generator, frame.side, frame.side, 70, 70)
    tissue += np.float32(0.020 * anatomy.mottle) * fine
    tissue *= layout.lungs
    return tissue
