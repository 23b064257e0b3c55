"""VOC trees for the tests of parts, masks and stored crops: small pictures whose pixels are known."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (40, 30)


def box_xml(box):
    keys = ("xmin", "ymin", "xmax", "ymax")
    return f"<bndbox>{''.join(f'<{k}>{v}</{k}>' for k, v in zip(keys, box, strict=True))}</bndbox>"


def part_xml(box):
    return f"<part><name>head</name>{box_xml(box)}</part>"


def object_xml(name, box, parts="", difficult=0):
    return f"<object><name>{name}</name><difficult>{difficult}</difficult>{parts}{box_xml(box)}</object>"


def noise(size=SIZE, seed=0):
    """A picture (height, width, 3) in which any two patches differ."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


class Tree:
    """Writes a VOC tree year by year: pictures without loss, annotations, lists, numbered masks."""

    def __init__(self, root: Path):
        self.root = root / "VOCdevkit"

    def add(self, name, objects, split="train", year=2012, pixels=None):
        """Add a picture with the XML of its objects; return its path."""
        folder = self.root / f"VOC{year}"
        for sub in ("Annotations", "JPEGImages", "SegmentationObject", "ImageSets/Main"):
            (folder / sub).mkdir(parents=True, exist_ok=True)
        (folder / "Annotations" / f"{name}.xml").write_text(f"<annotation>{''.join(objects)}</annotation>")
        path = folder / "JPEGImages" / f"{name}.png"
        Image.fromarray(noise() if pixels is None else pixels).save(path)
        with (folder / "ImageSets/Main" / f"{split}.txt").open("a") as file:
            file.write(f"{name}\n")
        return path

    def mask(self, name, numbers, mode="P", year=2012):
        """Add the numbered mask of a picture, uint8 (height, width); return its path."""
        path = self.root / f"VOC{year}" / "SegmentationObject" / f"{name}.png"
        picture = Image.fromarray(np.asarray(numbers, np.uint8))
        if mode == "P":
            picture.putpalette(list(range(256)) * 3)
        (picture if mode in ("P", "L") else picture.convert(mode)).save(path)
        return path
