"""Objects of one scene: bodies placed with modest overlap, each with its part where everybody can see it.

All bodies are placed before any mark is, so that a part lies wholly on the visible pixels of its own body.
Where that cannot be had, the whole placement is drawn anew, a little smaller; the classes stay as they are,
so that neither their frequencies nor the number of objects depend on what fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from data_gen.scene_background import (
    Background,
    Sketch,
    Texture,
    draw_background,
    draw_front,
    draw_ground,
    draw_texture,
    paint_background,
    paint_shape,
    paint_sketches,
)
from data_gen.scene_shapes import (
    DECOYS,
    Mark,
    Patch,
    SceneClass,
    body_outline,
    coverage,
    draw_classes,
    draw_mark,
    paint_mark,
)

LEAST_SIDE, MOST_SIDE = 60.0, 255.0  # of a body, in pixels
LEAST_SEEN = 50  # of a visible box's side
SEEN_SHARE = 0.70  # of a body's pixels that no other body covers
PART_SHARE = (0.065, 0.095)  # of the box's area
ROOM = 2  # pixels of body around a mark
CROWDING = 0.6  # of the picture's area that bodies' boxes may fill
OVERLAP = 0.30  # of the smaller of two boxes
TRUNCATED = 0.2  # of bodies that are placed across the picture's edge
DECOYED = 0.6  # of bodies that carry a decoy where there is room
ATTEMPTS = 200
Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class SceneObject:
    """One object: its class, coverage, texture, tight box of its visible pixels, flags, part and decoys.

    ``box`` is (x_min, y_min, x_max, y_max) in 0-based pixel edges. ``truncated``: the picture's edge cuts the
    body; ``occluded``: another body covers some of it.
    """

    scene_class: SceneClass
    patch: Patch
    texture: Texture
    box: Box
    truncated: bool
    occluded: bool
    part: Mark
    decoys: tuple[Mark, ...]


def draw_objects(
    generator: np.random.Generator,
    size: tuple[int, int],
    classes: Sequence[SceneClass],
    background: tuple[float, float, float],
) -> tuple[SceneObject, ...]:
    """Draw the objects of a scene, in painting order: a later one may cover some of an earlier one."""
    for attempt in range(ATTEMPTS):
        placed = _place(generator, size, [one.body for one in classes], 0.97**attempt)
        objects = placed and _furnish(generator, size, classes, placed, background)
        if objects:
            return objects
    raise RuntimeError(f"no placement of {len(classes)} objects in {ATTEMPTS} attempts")


def _place(
    generator: np.random.Generator, size: tuple[int, int], bodies: Sequence[str], shrink: float
) -> list[tuple[np.ndarray, bool]] | None:
    """Outline of each body and whether the picture's edge cuts it; None where one finds no place."""
    most = shrink * min(MOST_SIDE, 1.3 * np.sqrt(CROWDING * size[0] * size[1] / len(bodies)))
    most = max(most, LEAST_SIDE + 1)
    outlines: list[tuple[np.ndarray, bool]] = []
    boxes: list[np.ndarray] = []
    for body in bodies:
        unit = body_outline(generator, body)
        for _ in range(30):
            long = LEAST_SIDE * (most / LEAST_SIDE) ** (generator.random() ** 0.6)
            short = max(long * np.exp(-abs(generator.normal(0, 0.22))), 0.9 * LEAST_SIDE)
            extent = np.array((long, short) if generator.random() < 0.5 else (short, long))
            corner = generator.uniform(3, np.array(size) - extent - 3)
            truncated = bool(generator.random() < TRUNCATED and short > 1.4 * LEAST_SIDE)
            if truncated:
                axis, beyond = int(generator.integers(2)), generator.uniform(0.08, 0.3)
                edges = (-beyond * extent[axis], size[axis] - (1 - beyond) * extent[axis])
                corner[axis] = edges[int(generator.integers(2))]
            box = np.concatenate((corner, corner + extent))
            if all(_overlap(box, other) <= OVERLAP for other in boxes):
                boxes.append(box)
                outlines.append((corner + unit * extent, truncated))
                break
        else:
            return None
    return outlines


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Area that two boxes share, relative to the smaller one."""
    shared = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return float(shared / min((a[2:] - a[:2]).prod(), (b[2:] - b[:2]).prod()))


def _furnish(
    generator: np.random.Generator,
    size: tuple[int, int],
    classes: Sequence[SceneClass],
    placed: Sequence[tuple[np.ndarray, bool]],
    background: tuple[float, float, float],
) -> tuple[SceneObject, ...] | None:
    """Textures, parts and decoys for placed bodies; None where a body shows too little or has no room."""
    patches = [coverage(outline, size) for outline, _ in placed]
    owner = np.zeros((size[1], size[0]), np.uint8)
    for number, patch in enumerate(patches, start=1):
        owner[patch.window][patch.solid] = number
    objects = []
    for number, (one, patch, (_, truncated)) in enumerate(zip(classes, patches, placed, strict=True), 1):
        seen = owner[patch.window] == number
        whole = int(patch.solid.sum())
        if seen.sum() < SEEN_SHARE * whole:
            return None
        left, top, right, bottom = tight_box(seen)
        if min(right - left, bottom - top) < LEAST_SEEN:
            return None
        side = round(np.sqrt(generator.uniform(*PART_SHARE) * (right - left) * (bottom - top)))
        part = _mark(generator, patch, seen, one.kind, side)
        if part is None:
            return None
        decoys: tuple[Mark, ...] = ()
        if generator.random() < DECOYED:
            free = seen.copy()
            x, y = part.left - patch.left, part.top - patch.top
            free[y : y + side, x : x + side] = False
            kind = str(generator.choice(DECOYS))
            decoy = _mark(generator, patch, free, kind, round(side * generator.uniform(0.7, 1.0)))
            decoys = (decoy,) if decoy else ()
        texture = draw_texture(generator, (10, 60), (0.2, 0.7), background)
        box = left + patch.left, top + patch.top, right + patch.left, bottom + patch.top
        occluded = bool(seen.sum() < whole)
        objects.append(SceneObject(one, patch, texture, box, truncated, occluded, part, decoys))
    return tuple(objects)


def _mark(
    generator: np.random.Generator, patch: Patch, free: np.ndarray, kind: str, side: int
) -> Mark | None:
    """A mark at a random place where ``free`` holds all of it and some room around; None if there is none."""
    window = side + 2 * ROOM
    sums = np.zeros((free.shape[0] + 1, free.shape[1] + 1), np.int32)
    sums[1:, 1:] = free.cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32)
    if min(free.shape) < window:
        return None
    inside = sums[window:, window:] - sums[:-window, window:] - sums[window:, :-window]
    inside += sums[:-window, :-window]
    places = np.flatnonzero(inside == window * window)
    if not places.size:
        return None
    y, x = divmod(int(generator.choice(places)), inside.shape[1])
    return draw_mark(generator, kind, patch.left + x + ROOM, patch.top + y + ROOM, side)


def tight_box(mask: np.ndarray) -> Box:
    """(x_min, y_min, x_max, y_max) in 0-based pixel edges around the true pixels of ``mask``."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if not rows.size:
        raise ValueError("mask: found no true pixel, expected at least one")
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


LONG, SHORT = 500, 375  # pixels, VOC's commonest size
PORTRAIT = 0.25  # of the pictures
RIM = 5  # pixels: bodies are darker within 2 pixels of their edge


@dataclass(frozen=True, eq=False)
class Scene:
    """One scene: size (width, height), background, objects in painting order, lines in front, camera noise."""

    size: tuple[int, int]
    background: Background
    objects: tuple[SceneObject, ...]
    front: tuple[Sketch, ...]
    noise: float
    noise_seed: int


def draw_scene(generator: np.random.Generator) -> Scene:
    """Draw a scene; what is not the kind of a part is drawn without regard to it."""
    size = (SHORT, LONG) if generator.random() < PORTRAIT else (LONG, SHORT)
    classes = draw_classes(generator)
    ground = draw_ground(generator)
    objects = draw_objects(generator, size, classes, ground[0].first)
    background = draw_background(generator, size, ground, [one.box for one in objects])
    front = draw_front(generator, size, [one.part.box for one in objects])
    noise, seed = float(generator.uniform(1, 6)), int(generator.integers(2**32))
    return Scene(size, background, objects, front, noise, seed)


def paint(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """The picture (uint8, H x W x 3), and the number of the object seen at each pixel (uint8, H x W), from 1; else 0.

    Lines in front of an object count as the object.
    """
    picture = paint_background(scene.background, scene.size)
    for mark in scene.background.marks:
        paint_mark(picture, mark)
    numbers = np.zeros((scene.size[1], scene.size[0]), np.uint8)
    for number, one in enumerate(scene.objects, start=1):
        paint_shape(picture, one.patch, one.texture)
        _paint_rim(picture, one)
        for mark in (*one.decoys, one.part):
            paint_mark(picture, mark)
        numbers[one.patch.window][one.patch.solid] = number
    paint_sketches(picture, scene.front)
    generator = np.random.default_rng(scene.noise_seed)
    grain = np.float32(scene.noise) * generator.standard_normal(numbers.shape, np.float32)
    image = np.array(picture)
    for channel in range(3):
        image[..., channel] = np.clip(image[..., channel] + grain, 0, 255)
    return image, numbers


def _paint_rim(picture: Image.Image, one: SceneObject) -> None:
    alpha = Image.fromarray(np.pad(one.patch.alpha, RIM, mode="edge"))
    inner = np.asarray(alpha.filter(ImageFilter.MinFilter(RIM)))[RIM:-RIM, RIM:-RIM]
    rim = Image.fromarray(((one.patch.alpha - inner) * 0.6).astype(np.uint8))
    dark = (int(one.texture.first[0] / 4), int(one.texture.first[1] / 4), int(one.texture.first[2] / 4))
    picture.paste(Image.new("RGB", rim.size, dark), (one.patch.left, one.patch.top), rim)
