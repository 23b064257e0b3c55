"""Small data sets in real layouts to break, and the adapters' ways to read them."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from papers_lib.datasets.cardiac import load_cardiac
from papers_lib.datasets.image_store import StoreSpec, write_images
from papers_lib.datasets.nih_cxr14 import load_nih
from papers_lib.datasets.voc import voc_boxed
from tests.datasets.nih_tree import write_release
from tests.datasets.voc_tree import Tree, object_xml

SLICE = np.array([[0, 0, 0, 5], [0, 1, 2, 0], [0, 3, 4, 0]], np.uint8)


def voc(root: Path) -> Path:
    """A VOCdevkit of two pictures with a box each; the pictures are large enough to be cut in the middle."""
    tree = Tree(root)
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    for name, split in (("a", "train"), ("b", "val")):
        png = tree.add(name, [object_xml("cat", (2, 2, 30, 20))], split, pixels=pixels)
        Image.open(png).save(png.with_suffix(".jpg"))
        png.unlink()
    return root / "VOCdevkit"


def annotation(root: Path, text: str) -> None:
    """Give the second picture of a VOC tree this annotation file."""
    (root / "VOC2012/Annotations/b.xml").write_text(text)


def cardiac(root: Path) -> Path:
    """Two slices of the cardiac layout."""
    rows = [["id", "split", "class", "sex"], ["a", "train", "NOR", "M"], ["b", "train", "HCM", "F"]]
    for folder, array in (("images", np.full((3, 4), 90, np.uint8)), ("masks", SLICE)):
        (root / folder).mkdir(parents=True)
        for name, *_ in rows[1:]:
            Image.fromarray(array).save(root / folder / f"{name}.png")
    with (root / "slices.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return root


def nih(root: Path) -> Path:
    """Five radiographs in NIH's layout."""
    return write_release(root)


def read(folder: Path, store: Path) -> None:
    """Read a data set as an experiment does, every picture of it."""
    if (folder / "slices.csv").is_file():
        load_cardiac(folder, "train")
        return
    images = (voc_boxed if (folder / "VOC2012").is_dir() else load_nih)(folder, val_share=0)
    write_images(store, StoreSpec("f", 16), images=images)
