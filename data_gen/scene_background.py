"""What is no object in a synthetic scene: the ground, clutter on it, stray marks, and lines across the front."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from data_gen.scene_classes import BODIES, DECOYS
from data_gen.scene_marks import Mark, draw_mark
from data_gen.scene_shapes import Patch, blob_outline, body_outline, coverage
from data_gen.scene_texture import Texture, draw_texture, render

FINE = 2  # sub-pixels along each side


@dataclass(frozen=True, eq=False)
class Sketch:
    """A line (``width`` > 0) or a filled outline (``width`` 0) of one colour; points (n, 2) in pixels."""

    points: np.ndarray
    width: float
    colour: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Background:
    """The ground's two textures, flat sketches, textured shapes and stray decoy marks, in painting order."""

    coarse: Texture
    fine: Texture
    sketches: tuple[Sketch, ...]
    shapes: tuple[tuple[Patch, Texture], ...]
    marks: tuple[Mark, ...]


def draw_ground(generator: np.random.Generator) -> tuple[Texture, Texture]:
    """Draw the ground's coarse and fine texture."""
    return (
        draw_texture(generator, (60, 200), (0.2, 0.6)),
        draw_texture(generator, (8, 40), (0.2, 0.7)),
    )


def draw_background(
    generator: np.random.Generator,
    size: tuple[int, int],
    ground: tuple[Texture, Texture],
    boxes: Sequence[tuple[int, int, int, int]],
) -> Background:
    """Draw the clutter of a picture of ``size`` (width, height), some of it behind the ``boxes`` of objects."""
    centres = [generator.uniform((0, 0), size) for _ in range(int(generator.integers(6, 15)))]
    shaped = [generator.uniform((0, 0), size) for _ in range(int(generator.integers(1, 5)))]
    near = []
    for left, top, right, bottom in boxes:
        corners = np.array(((left, top), (right, top), (right, bottom), (left, bottom)), float)
        reach = 0.12 * (right - left + bottom - top)
        around = corners[generator.permutation(4)] + generator.uniform(-reach, reach, (4, 2)) / 2
        centres.extend(around[:2])
        near.append(around[2])
        if generator.random() < 0.5:
            shaped.append(around[3])
    sketches = [_sketch(generator, centre) for centre in centres]
    shapes = []
    for centre in shaped:
        extent = np.exp(generator.uniform(np.log(25), np.log(130), 2))
        # Some clutter has the shape of a body, without a part.
        named = generator.random() < 0.4
        unit = body_outline(generator, str(generator.choice(BODIES))) if named else blob_outline(generator)
        patch = coverage(centre + (unit - 0.5) * extent, size)
        shapes.append((patch, draw_texture(generator, (8, 40), (0.2, 0.7))))
    marked = [generator.uniform((0, 0), size) for _ in range(int(generator.integers(0, 6)))]
    marked += [centre for centre in near if generator.random() < 0.4]
    marks = []
    for centre in marked:
        side = round(np.exp(generator.uniform(np.log(14), np.log(60))))
        left, top = np.clip(centre - side / 2, 0, np.array(size) - side).astype(int).tolist()
        marks.append(draw_mark(generator, str(generator.choice(DECOYS)), left, top, side))
    return Background(*ground, tuple(sketches), tuple(shapes), tuple(marks))


def draw_front(
    generator: np.random.Generator, size: tuple[int, int], parts: Sequence[tuple[int, int, int, int]]
) -> tuple[Sketch, ...]:
    """Draw up to three thin lines across the picture that keep clear of the boxes ``parts``."""
    lines = []
    for _ in range(int(generator.integers(0, 4))):
        for _ in range(8):
            angle = generator.uniform(0, np.pi)
            step = np.array((np.cos(angle), np.sin(angle)))
            along = np.linspace(-1, 1, 41)[:, None] * generator.uniform(60, 400)
            sway = generator.uniform(5, 50) * np.sin(along / generator.uniform(40, 150))
            points = generator.uniform((0, 0), size) + along * step + sway * step[::-1] * (1, -1)
            width = float(generator.uniform(1.0, 3.5))
            if not any(_touches(points, width, box) for box in parts):
                lines.append(Sketch(points, width, _colour(generator)))
                break
    return tuple(lines)


def paint_background(background: Background, size: tuple[int, int]) -> Image.Image:
    """Paint the background as an RGB picture of ``size`` (width, height)."""
    ground = [Image.fromarray(render(one, size[1], size[0])) for one in (background.coarse, background.fine)]
    picture = Image.blend(ground[0], ground[1], 0.3)
    paint_sketches(picture, background.sketches)
    for patch, texture in background.shapes:
        paint_shape(picture, patch, texture)
    return picture


def paint_shape(picture: Image.Image, patch: Patch, texture: Texture) -> None:
    """Paint a textured shape on ``picture``, in place."""
    colours = Image.fromarray(render(texture, *patch.alpha.shape))
    picture.paste(colours, (patch.left, patch.top), Image.fromarray(patch.alpha))


def paint_sketches(picture: Image.Image, sketches: Sequence[Sketch]) -> None:
    """Paint lines and filled outlines on ``picture``, in place."""
    if not sketches:
        return
    layer = picture.resize((picture.width * FINE, picture.height * FINE), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(layer)
    for one in sketches:
        points = [tuple(point) for point in (one.points * FINE).tolist()]
        if one.width:
            pen.line(points, fill=one.colour, width=max(1, round(one.width * FINE)), joint="curve")
        else:
            pen.polygon(points, fill=one.colour)
    picture.paste(layer.reduce(FINE))


def _sketch(generator: np.random.Generator, centre: np.ndarray) -> Sketch:
    if generator.random() < 0.5:
        steps = generator.normal(0, generator.uniform(15, 60), (int(generator.integers(2, 6)), 2))
        return Sketch(centre + steps.cumsum(0), float(generator.uniform(1, 7)), _colour(generator))
    extent = np.exp(generator.uniform(np.log(10), np.log(90), 2))
    return Sketch(centre + (blob_outline(generator) - 0.5) * extent, 0.0, _colour(generator))


def _colour(generator: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = generator.integers(10, 246, 3).tolist()
    return red, green, blue


def _touches(points: np.ndarray, width: float, box: tuple[int, int, int, int]) -> bool:
    """Whether a line may reach into ``box``: its points are closer together than the margin kept."""
    gap = float(np.linalg.norm(np.diff(points, axis=0), axis=1).max())
    margin = (width + gap) / 2 + 2
    low, high = np.array(box[:2]) - margin, np.array(box[2:]) + margin
    return bool(((points > low) & (points < high)).all(1).any())
