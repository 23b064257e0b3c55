"""A synthetic scene as a description that holds every draw, and its picture and masks, drawn from that alone."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from data_gen.scene_background import (
    Background,
    Sketch,
    draw_background,
    draw_front,
    draw_ground,
    paint_background,
    paint_shape,
    paint_sketches,
)
from data_gen.scene_classes import draw_classes
from data_gen.scene_marks import paint_mark
from data_gen.scene_objects import SceneObject, draw_objects

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
    """Paint a scene.

    Returns: the picture (uint8, H x W x 3), and the number of the object seen at each pixel (uint8, H x W):
    0 background, 1 the first of ``scene.objects``. Lines in front of an object count as the object.
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
