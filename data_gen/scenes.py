"""Synthetic scenes in Pascal VOC's layout, for the paper on the entropy of CAMs.

Frozen before the first training run: no model was trained or probed to choose its constants; they were chosen by eye.
A change of any constant is a new data set.

A scene is 500 x 375 or 375 x 500 pixels and shows 1 to 12 objects of ten classes over textured ground,
clutter, stray marks and a few thin lines in front. The classes are five bodies, each with two kinds of one
part (``data_gen.scene_shapes``): colours, textures, orientation, proportions, place and size of the body,
and looks, angle and place of the part are drawn the same for both, so that within a pair only the sign on
the part tells the class. The part takes 6 to 10 % of the box's area and always shows whole. Decoy marks
look like parts and carry signs of no class; they lie on bodies and on the ground.

The layout is that of `papers_lib.datasets.voc`, with one <part> an object, SegmentationObject (number of the object in
the annotation's order) and SegmentationClass (number of the class in the order of the names); 0 is background. Unlike
VOC's masks they have no void border (255), since the outline is exact. A box is tight around visible pixels.

A scene depends on (seed, split, index) alone; a split of 100 is the beginning of the same split of 1000.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import numpy as np
from PIL import Image

from data_gen.generator import (
    command,
    generator_of,
    write_description,
    write_parts,
)
from data_gen.scene_objects import Box, Scene, draw_scene, paint
from data_gen.scene_shapes import CLASSES
from papers_lib.datasets.row_file import new_folder
from papers_lib.datasets.tabular import check_choice, check_whole
from papers_lib.errors import UserError

YEAR = "VOC2012"
FOLDERS = ("Annotations", "JPEGImages", "SegmentationObject", "SegmentationClass")
LISTS = ("ImageSets/Main", "ImageSets/Segmentation")
QUALITY = 92  # of the JPEG files
NAMES = tuple(sorted(one.name for one in CLASSES))
"""The class names in the order of their numbers in SegmentationClass, which start at 1."""


def write_scene(folder: Path, name: str, scene: Scene) -> None:
    """Write the four files of ``scene`` under ``folder``, which holds ``FOLDERS``."""
    image, numbers = paint(scene)
    Image.fromarray(image).save(folder / "JPEGImages" / f"{name}.jpg", quality=QUALITY)
    kinds = [0, *(1 + NAMES.index(one.scene_class.name) for one in scene.objects)]
    _save_mask(folder / "SegmentationObject" / f"{name}.png", numbers)
    _save_mask(folder / "SegmentationClass" / f"{name}.png", np.array(kinds, np.uint8)[numbers])
    root = annotation(name, scene)
    indent(root, "\t")
    ElementTree(root).write(folder / "Annotations" / f"{name}.xml")


def annotation(name: str, scene: Scene) -> Element:
    """Return the annotation as VOC writes it; pixels count from 1 and the last one is included."""
    root = Element("annotation")
    _fields(root, folder=YEAR, filename=f"{name}.jpg")
    _fields(SubElement(root, "source"), database="synthetic scenes", image="data_gen.scenes")
    _fields(SubElement(root, "size"), width=scene.size[0], height=scene.size[1], depth=3)
    _fields(root, segmented=1)
    for one in scene.objects:
        item = SubElement(root, "object")
        _fields(item, name=one.scene_class.name, pose="Unspecified")
        _fields(item, truncated=int(one.truncated), occluded=int(one.occluded), difficult=0)
        _box(item, one.box)
        part = SubElement(item, "part")
        _fields(part, name=one.part.kind)
        _box(part, one.part.box)
    return root


def colour_map() -> list[int]:
    """Return VOC's palette, 256 x (red, green, blue): the bits of the index dealt out to the channels.

    >>> colour_map()[:9], colour_map()[-3:]
    ([0, 0, 0, 128, 0, 0, 0, 128, 0], [224, 224, 192])
    """
    return [
        sum(((index >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(8))
        for index in range(256)
        for channel in range(3)
    ]


PALETTE = colour_map()


def _save_mask(path: Path, numbers: np.ndarray) -> None:
    mask = Image.fromarray(numbers)
    mask.putpalette(PALETTE)
    mask.save(path, compress_level=6)


def _fields(parent: Element, **values: str | int) -> None:
    for key, value in values.items():
        SubElement(parent, key).text = str(value)


def _box(parent: Element, box: Box) -> None:
    _fields(SubElement(parent, "bndbox"), xmin=box[0] + 1, ymin=box[1] + 1, xmax=box[2], ymax=box[3])


SPLITS = {"trainval": "train", "test": "test"}  # name of the list → field of the spec


@dataclass(frozen=True)
class ScenesSpec:
    """What to generate: the number of training and of test scenes, and the seed."""

    train: int = 600
    test: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("train", "test", "seed"):
            check_whole(name, getattr(self, name), 0)
        if not self.train + self.test:
            raise UserError("train, test: both are 0, expected at least one scene")


def draw(spec: ScenesSpec, split: str, index: int) -> Scene:
    """Draw scene ``index`` of ``split`` in memory; ``data_gen.scene_objects.paint`` gives picture and masks."""
    check_choice("split", split, tuple(SPLITS))
    return draw_scene(generator_of(spec.seed, list(SPLITS).index(split), index))


def write(root: str | Path, spec: ScenesSpec, jobs: int = 1) -> Path:
    """Write all pictures under ``root``, whole or not at all, and return ``root``."""
    with new_folder(root) as folder:
        for name in (*FOLDERS, *LISTS):
            (folder / YEAR / name).mkdir(parents=True)
        counts = {split: getattr(spec, name) for split, name in SPLITS.items()}
        for split, names in write_parts(_write_scene, folder / YEAR, spec, counts, jobs).items():
            for place in LISTS:
                text = "".join(f"{name}\n" for name in names)
                (folder / YEAR / place / f"{split}.txt").write_text(text, encoding="utf-8")
        write_description(folder, "synthetic scenes", "data_gen.scenes", spec)
    return Path(root)


def _write_scene(folder: Path, spec: ScenesSpec, split: str, index: int) -> str:
    name = f"{split}_{index:06d}"
    write_scene(folder, name, draw(spec, split, index))
    return name


if __name__ == "__main__":
    sys.exit(command(ScenesSpec, write))
