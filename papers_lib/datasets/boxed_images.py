"""Images with labels and boxes, as every data set of the localization experiments is read: a list, no pixels.

Boxes are shares of width and height, so that they hold at any stored size; `of_class` gives them in pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from papers_lib.errors import UserError

SPLITS = ("train", "val", "test", "")
"""What an entry of ``split`` may be; "" is in no split."""
TOLERANCE = 10.0  # pixels by which a hand may overshoot the edge of a radiograph; such a box is clipped


def box_shares(corners: Sequence[float], size: tuple[int, int]) -> np.ndarray | None:
    """A box in pixel edges as shares of ``size`` (H, W), float32 (4,), clipped; None if far outside or empty."""
    limits = np.array([size[1], size[0], size[1], size[0]], dtype=np.float64)
    pixels = np.array(corners)
    fitted = np.clip(pixels, 0, limits)
    box = (fitted / limits).astype(np.float32)
    return box if np.abs(fitted - pixels).max() <= TOLERANCE and (box[:2] < box[2:]).all() else None


Drawn = Sequence[tuple[int, np.ndarray]]
"""Class and box (4,) of each box of an image."""


def stacked(drawn: Sequence[Drawn]) -> dict[str, tuple[np.ndarray, ...]]:
    """The fields ``boxes`` and ``box_classes`` of `BoxedImages` from the boxes of each image."""
    return {
        "boxes": tuple(np.array([box for _, box in some], np.float32).reshape(-1, 4) for some in drawn),
        "box_classes": tuple(np.array([kind for kind, _ in some], np.int64) for some in drawn),
    }


def check_missing(missing: str, gone: Sequence[str], total: int) -> None:
    """Refuse pictures that are not there, a line each in ``gone``, unless ``missing`` is "skip"."""
    if gone and missing == "error":
        how_many = f"{len(gone)} of {total} are not there; missing=skip leaves them out"
        raise UserError(f"{gone[0]}, expected it ({how_many})")


def check_parts(split: np.ndarray, sources: Mapping[str, object]) -> None:
    """Refuse a part without images; ``sources`` says where each part that is expected comes from."""
    for part, source in sources.items():
        if not (split == part).any():
            raise UserError(f"{source}: found {len(split)} images, none of them for the part {part}")


@dataclass(frozen=True, eq=False)
class BoxedImages:
    """N images and K classes; an image may have labels without boxes, since few images of a set are boxed.

    Fields that do not fit together, and a box that is not finite, is empty or leaves the image, are a ValueError.
    """

    classes: tuple[str, ...]  # K names, in the order of their indices
    names: tuple[str, ...]
    paths: tuple[Path, ...]
    where: tuple[str, ...]  # beginning of an error about each image: the file and row that list it
    labels: np.ndarray  # of the whole image, bool (N, K)
    boxes: tuple[np.ndarray, ...]  # N x (n_i, 4), float32: x_min, y_min, x_max, y_max, shares in [0, 1]
    box_classes: tuple[np.ndarray, ...]  # N x (n_i,), int64, indices into classes
    patients: np.ndarray | None  # str (N,), or None where the data set does not say
    split: np.ndarray  # str (N,), each one of SPLITS

    def __post_init__(self) -> None:
        count = len(self.names)
        for one in fields(self)[1:]:
            value = getattr(self, one.name)
            if value is not None and len(value) != count:
                raise ValueError(f"{one.name}: found {len(value)} entries, expected {count} as in names")
        if self.labels.shape != (count, len(self.classes)) or self.labels.dtype != np.bool_:
            found = f"{self.labels.dtype} {self.labels.shape}"
            raise ValueError(f"labels: found {found}, expected bool ({count}, {len(self.classes)})")
        unknown = set(np.unique(self.split).tolist()) - set(SPLITS)
        if unknown:
            raise ValueError(f"split: found {min(unknown)!r}, expected one of {SPLITS}")
        for name, box, kinds in zip(self.names, self.boxes, self.box_classes, strict=True):
            if box.shape != (len(kinds), 4) or box.dtype != np.float32 or kinds.dtype.kind != "i":
                found = f"{box.dtype} {box.shape} and {kinds.dtype} {kinds.shape}"
                raise ValueError(f"boxes of {name}: found {found}, expected float32 (n, 4) and int64 (n,)")
            if not np.isin(kinds, range(len(self.classes))).all():
                known = f"expected indices of {len(self.classes)} classes"
                raise ValueError(f"box_classes of {name}: found {kinds.tolist()}, {known}")
            if not ((box >= 0) & (box <= 1)).all() or not (box[:, :2] < box[:, 2:]).all():  # refuses NaN too
                raise ValueError(f"boxes of {name}: found {box.tolist()}, expected shares")

    def __len__(self) -> int:
        return len(self.names)

    def part(self, split: str) -> "BoxedImages":
        """The images of one split, in their order; possibly none."""
        if split not in SPLITS:
            raise ValueError(f"split: found {split!r}, expected one of {SPLITS}")
        return self.take(np.flatnonzero(self.split == split))

    def take(self, rows: "np.ndarray | Sequence[int]") -> "BoxedImages":
        """The images at ``rows`` (indices), in the order given."""
        rows = np.asarray(rows, dtype=np.int64)

        def taken(value: Any) -> Any:
            return value[rows] if isinstance(value, np.ndarray) else value and tuple(value[i] for i in rows)

        return BoxedImages(self.classes, *(taken(getattr(self, one.name)) for one in fields(self)[1:]))

    def of_class(self, k: int, size: tuple[int, int]) -> list[Tensor]:
        """Boxes of class ``k`` in pixels of images resized to ``size`` (H, W): N tensors (n_i, 4), float32."""
        if not 0 <= k < len(self.classes):
            raise ValueError(f"k: found {k}, expected 0 to {len(self.classes) - 1}")
        scale = torch.tensor([size[1], size[0]] * 2, dtype=torch.float32)
        pairs = zip(self.boxes, self.box_classes, strict=True)
        return [torch.from_numpy(boxes[kinds == k]) * scale for boxes, kinds in pairs]
