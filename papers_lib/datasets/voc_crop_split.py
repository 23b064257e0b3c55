"""The crops that `voc_store` made, mapped into memory: a run reads only the rows that it uses."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from papers_lib.datasets.voc_store import ARRAYS, DESCRIPTION, PICTURES, SCENES
from papers_lib.errors import UserError


@dataclass(frozen=True, eq=False)
class CropSplit:
    """One split of N items (one for each box) from S pictures; the items of one picture are consecutive.

    Attributes:
        images: uint8 (N, side, side, 3), a read-only memory map.
        classes: int64 (N,), indices into ``names``.
        image: int64 (N,), the number of the item's picture, 0 to S - 1.
        boxes: float32 (N, 4), the object's box in the picture's pixels, 0-based edges.
        region: float32 (N, 4), the same box in the item's own pixels: all of a crop, up to fractions.
        masks: bool (N, m, m), a read-only memory map: the object in the item as m x m cells.
        has_mask: bool (N,); without one the row of ``masks`` is all false.
        parts: float32 (N, 4), the object's first part in the item's own pixels; NaN where there is none.
        scenes: uint8 (S, s, s, 3), the whole pictures, a read-only memory map; None unless asked for.
        scene_boxes: S arrays float32 (n_i, 4): the boxes in the pixels of the scene; empty list without scenes.
        scene_classes: S arrays int64 (n_i,); empty list without scenes.
        names: names of the classes, the same for both splits.
        pictures: the S ids of the pictures ("VOC2012/2012_000001").
    """

    images: np.ndarray
    classes: np.ndarray
    image: np.ndarray
    boxes: np.ndarray
    region: np.ndarray
    masks: np.ndarray
    has_mask: np.ndarray
    parts: np.ndarray
    scenes: np.ndarray | None
    scene_boxes: list[np.ndarray]
    scene_classes: list[np.ndarray]
    names: tuple[str, ...]
    pictures: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.classes)

    def boxes_of_image(self) -> tuple[np.ndarray, np.ndarray]:
        """Return `boxes_of_image` of this split."""
        return boxes_of_image(self.image)


def boxes_of_image(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return first item and number of items of each picture, int64 (S,) both.

    One box drawn at random per image and epoch is then ``start + generator.integers(count)``.

    Args:
        image: number of each item's picture, ascending from 0 without gaps, (N,).

    >>> start, count = boxes_of_image(np.array([0, 0, 1, 2, 2, 2]))
    >>> start.tolist(), count.tolist()
    ([0, 2, 3], [2, 1, 3])
    """
    count = np.bincount(image)
    return np.cumsum(count) - count, count


def load_crops(folder: str | Path, split: Literal["train", "test"]) -> CropSplit:
    """Open one split of a folder that `voc_store.write_crops` made.

    Raises:
        UserError: a split other than train and test; a file that is missing, damaged or does not fit the others.
    """
    folder = Path(folder)
    if split not in ("train", "test"):
        raise UserError(f"split: found {split!r}, expected train or test")
    names = _json(folder / DESCRIPTION)
    names = names.get("classes") if isinstance(names, dict) else None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise UserError(f"{folder / DESCRIPTION}: found no list of classes, expected what write_crops wrote")
    path = folder / split
    pictures = _json(path / PICTURES)
    if not isinstance(pictures, list):
        raise UserError(f"{path / PICTURES}: found no list, expected the ids of the pictures")
    arrays = {name: _array(path / f"{name}.npy") for name in ARRAYS}
    if (path / "scenes.npy").exists():
        arrays |= {name: _array(path / f"{name}.npy") for name in SCENES}
    for name, array in arrays.items():
        expected = len(pictures) if name == "scenes" else len(arrays["images"])
        if len(array) != expected:
            raise UserError(f"{path / name}.npy: found {len(array)} rows, expected {expected}")
    start, count = boxes_of_image(arrays["image"])
    if len(count) != len(pictures):
        raise UserError(f"{path}/image.npy: found {len(count)} pictures, expected {len(pictures)}")
    scenes = arrays.pop("scenes", None)
    scene_boxes = arrays.pop("scene_boxes", None)
    return CropSplit(
        **arrays,
        scenes=scenes,
        scene_boxes=[] if scene_boxes is None else np.split(scene_boxes, start[1:]),
        scene_classes=[] if scenes is None else np.split(arrays["classes"], start[1:]),
        names=tuple(names),
        pictures=tuple(pictures),
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read as JSON ({error}), expected what write_crops wrote"
        ) from error


def _array(path: Path) -> np.ndarray:
    """Large arrays as memory maps, small ones in memory."""
    large = path.stem in ("images", "masks", "scenes")
    try:
        array: np.ndarray = np.load(path, mmap_mode="r" if large else None)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: cannot be read ({error}), expected what write_crops wrote") from error
    return array
