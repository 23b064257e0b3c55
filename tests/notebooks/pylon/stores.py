"""Image stores of the PYLON tests: noise with squares, stripes and dark patches, drawn from the file's name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from papers_lib.datasets.boxed_images import BoxedImages, stacked
from papers_lib.datasets.image_store import StoreSpec, write_images
from papers_lib.sweep import Context
from pylon.experiment import PylonRun

CLASSES = ("Mass", "Nodule", "Stripes")
SIDE = 64
TRAIN, VAL, TEST = 33, 12, 12
RUN = PylonRun(seed=0, epochs=2, batch_size=16, width=32)
"""Packaged EfficientNet-Lite0; the last of the three batches holds one image."""
KEPT = replace(RUN, keep=True)


def content(number: int) -> dict[int, tuple[int, int, int]]:
    """x, y and side of each object of an image, by class."""
    rng = np.random.default_rng(1000 + number)
    every = {k: (*rng.integers(0, 36, 2).tolist(), int(rng.integers(12, 28))) for k in range(len(CLASSES))}
    return {k: place for k, place in every.items() if rng.random() < 0.5}


def read(path: Path) -> Image.Image:
    """The picture of ``path``, which need not exist: noise with a white, a black or a striped square."""
    number = int(path.stem)
    picture = np.random.default_rng(number).integers(80, 176, (SIDE, SIDE), dtype=np.uint8)
    for k, (x, y, size) in content(number).items():
        picture[y : y + size, x : x + size] = (255, 0, 0)[k]
        picture[y : y + size : 4, x : x + size] = (255, 0, 255)[k]
    return Image.fromarray(picture)


def listed(count: int = TRAIN + VAL + TEST) -> BoxedImages:
    """Images in the order train, val, test, two of a patient."""
    objects = [content(number) for number in range(count)]
    corners = [[(k, (x, y, x + size, y + size)) for k, (x, y, size) in found.items()] for found in objects]
    drawn = [[(k, np.array(box) / SIDE) for k, box in found] for found in corners]
    names = tuple(f"{number:03d}.png" for number in range(count))
    return BoxedImages(
        classes=CLASSES,
        names=names,
        paths=tuple(map(Path, names)),
        where=names,
        labels=np.array([[k in found for k in range(len(CLASSES))] for found in objects]),
        **stacked(drawn),
        patients=np.array([f"p{number // 2}" for number in range(count)]),
        split=np.array((["train"] * TRAIN + ["val"] * VAL + ["test"] * count)[:count]),
    )


def write_store(folder: Path, channels: int = 1) -> Path:
    """A store of 57 images of 64 px in ``folder``, which is new."""
    return write_images(folder, StoreSpec("test", SIDE, channels), images=listed(), reader=read)


def context(store: Path, checkpoint: Path) -> Context:
    return Context("cpu", store, checkpoint)


def same(a, b):
    """Metrics or arrays alike to the last bit; NaN equals NaN."""
    return a.keys() == b.keys() and all(
        np.array_equal(a[name], b[name], equal_nan=np.asarray(a[name]).dtype.kind == "f") for name in a
    )
