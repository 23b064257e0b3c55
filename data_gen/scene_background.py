"""What is no object in a synthetic scene: the ground, clutter on it, stray marks, and lines across the front.

Textures of the synthetic scenes: two colours mixed by a random pattern, under a slanting light.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from data_gen.scene_shapes import BODIES, DECOYS, Mark, Patch, blob_outline, body_outline, coverage, draw_mark

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
    """Draw a texture."""
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
