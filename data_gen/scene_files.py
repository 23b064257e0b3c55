"""One synthetic scene as the files of Pascal VOC: picture, annotation, and both segmentations.

Format: Everingham et al., "The PASCAL Visual Object Classes Challenge 2012 Development Kit". Masks are
palette PNGs in VOC's colours; unlike VOC's they have no void border (255), since the outline is exact.
"""

from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import numpy as np
from PIL import Image

from data_gen.scene_classes import CLASSES
from data_gen.scene_objects import Box
from data_gen.scene_paint import Scene, paint

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
