"""How many images the PYLON notebook reads, and what it takes to draw and to store them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from data_gen import chest, chest_vindr, scenes
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.image_sets import KINDS, load_set
from papers_lib.datasets.image_store import StoreSpec, write_images
from pylon.data import CHANNELS, layout_of

ROOTS = {"nih": "data_root", "vindr": "vindr_root", "voc": "voc_root"}
CLASSES = {"nih": 14, "vindr": 14, "voc": 20}  # of the stand-ins
VINDR = {"train": 0.7, "val": 0.1, "test": 0.2}
SAMPLE = 8  # pictures that are drawn and resized


@dataclass(frozen=True)
class Amounts:
    """One data set.

    Attributes: images in all and in each part; test images with a box (of a stand-in: all of them, which is more than
    there are); number of classes; channels; layout; and of an image the seconds to draw and to resize it and the bytes
    of its drawn file, 0 for the user's own.
    """

    images: int
    train: int
    val: int
    test: int
    boxed: int
    classes: int
    channels: int
    layout: str
    draw: float
    resize: float
    drawn_bytes: float


def amounts(name: str, parameters: Mapping[str, Any], side: int) -> Amounts:
    """Count the set "nih", "vindr" or "voc" of the notebook, and time a few of its pictures.

    Args: side, in pixels, to which stand-ins are drawn and pictures resized.

    Raises:
        UserError: the user's set cannot be read.
    """
    root = parameters.get(ROOTS[name]) or ""
    with TemporaryDirectory() as folder:
        if not root:
            return _stand_in(name, parameters, side, Path(folder))
        place = Path(root).expanduser()
        layout = layout_of(place)
        spec = StoreSpec("estimate", side, CHANNELS[layout], layout, options(layout, parameters))
        images = load_set(spec, place)
        some = images.take(np.linspace(0, len(images) - 1, min(SAMPLE, len(images))).astype(int))
        return _of_set(images, layout, _resize(some, spec, Path(folder)))


def options(layout: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Of the set's loader: the share of the validation part where it is a parameter."""
    return {} if layout == "vindr" else {"val_share": float(parameters["val_share"])}


def _of_set(images: BoxedImages, layout: str, resize: float) -> Amounts:
    parts = {split: int((images.split == split).sum()) for split in ("train", "val", "test")}
    boxed = sum(len(box) > 0 for box in images.part("test").boxes)
    return Amounts(
        images=len(images),
        **parts,
        boxed=boxed,
        classes=len(images.classes),
        channels=CHANNELS[layout],
        layout=layout,
        draw=0.0,
        resize=resize,
        drawn_bytes=0.0,
    )


def _stand_in(name: str, parameters: Mapping[str, Any], side: int, folder: Path) -> Amounts:
    seed, half = int(parameters["data_seed"]), SAMPLE // 2
    start = time.perf_counter()
    root = folder / "drawn"
    if name == "nih":
        chest.write(root, chest.ChestSpec(train_val=half, test=half, seed=seed, side=side))
    elif name == "vindr":
        chest_vindr.write(root, chest_vindr.VindrSpec(images=SAMPLE, seed=seed, side=side))
    else:
        scenes.write(root, scenes.ScenesSpec(train=half, test=half, seed=seed))
    draw = (time.perf_counter() - start) / SAMPLE
    files = [path for path in root.rglob("*") if path.is_file()]
    pictures = [path for path in files if path.suffix in (".png", ".jpg")][:SAMPLE]
    count = len(pictures)
    listed = BoxedImages(
        classes=("any",),
        names=tuple(path.name for path in pictures),
        paths=tuple(pictures),
        where=tuple(map(str, pictures)),
        labels=np.zeros((count, 1), bool),
        boxes=tuple(np.zeros((0, 4), np.float32) for _ in pictures),
        box_classes=tuple(np.zeros(0, np.int64) for _ in pictures),
        patients=None,
        split=np.full(count, "train"),
    )
    resize = _resize(listed, StoreSpec("estimate", side, CHANNELS[name], name), folder)
    train, val, test = _parts(name, parameters)
    return Amounts(
        images=train + val + test,
        train=train,
        val=val,
        test=test,
        boxed=test,
        classes=CLASSES[name],
        channels=CHANNELS[name],
        layout=name,
        draw=draw,
        resize=resize,
        drawn_bytes=sum(path.stat().st_size for path in files) / SAMPLE,
    )


def _parts(name: str, parameters: Mapping[str, Any]) -> tuple[int, int, int]:
    if name == "vindr":
        train, val = (round(parameters["small_images"] * VINDR[part]) for part in ("train", "val"))
        return train, val, int(parameters["small_images"]) - train - val
    both, test = ("train_images", "test_images") if name == "nih" else ("scenes_train", "scenes_test")
    val = round(parameters[both] * parameters["val_share"])
    return int(parameters[both]) - val, val, int(parameters[test])


def _resize(images: BoxedImages, spec: StoreSpec, folder: Path) -> float:
    start = time.perf_counter()
    write_images(folder / "store", spec, images=images, reader=KINDS[spec.kind].reader)
    return (time.perf_counter() - start) / len(images)
