"""Images with labels and boxes, as every data set of the localization experiments is read: a list, no pixels.

Boxes are shares of width and height, so that they hold at any stored size; `of_class` gives them in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

SPLITS = ("train", "val", "test", "")
"""What an entry of ``split`` may be; "" is in no split."""


@dataclass(frozen=True, eq=False)
class BoxedImages:
    """N images and K classes; an image may have labels without boxes, since few images of a set are boxed.

    Attributes:
        classes: K names, in the order of their indices.
        names: N names of the images.
        paths: N files.
        where: N beginnings of an error about the image: the file and row that list it.
        labels: of the whole image, bool (N, K).
        boxes: N arrays (n_i, 4), float32: x_min, y_min, x_max, y_max as shares of width and height, in [0, 1].
        box_classes: N arrays (n_i,), int64, indices into ``classes``.
        patients: str (N,), or None where the data set does not say.
        split: str (N,), each one of ``SPLITS``.

    Raises:
        ValueError: fields that do not fit together; a box that is not finite, is empty or leaves the image.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    paths: tuple[Path, ...]
    where: tuple[str, ...]
    labels: np.ndarray
    boxes: tuple[np.ndarray, ...]
    box_classes: tuple[np.ndarray, ...]
    patients: np.ndarray | None
    split: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.names)
        for field in ("paths", "where", "boxes", "box_classes", "split", "patients"):
            value = getattr(self, field)
            if value is not None and len(value) != count:
                raise ValueError(f"{field}: found {len(value)} entries, expected {count} as in names")
        if self.labels.shape != (count, len(self.classes)) or self.labels.dtype != np.bool_:
            found = f"{self.labels.dtype} {self.labels.shape}"
            raise ValueError(f"labels: found {found}, expected bool ({count}, {len(self.classes)})")
        unknown = set(np.unique(self.split).tolist()) - set(SPLITS)
        if unknown:
            raise ValueError(f"split: found {min(unknown)!r}, expected one of {SPLITS}")
        self._check_boxes()

    def _check_boxes(self) -> None:
        shapes = {(box.shape[1:], box.dtype.name) for box in self.boxes} - {((4,), "float32")}
        if shapes:
            raise ValueError(f"boxes: found {min(shapes)}, expected float32 (n, 4)")
        sizes = [len(box) for box in self.boxes]
        if [len(kinds) for kinds in self.box_classes] != sizes:
            raise ValueError("box_classes: expected one class a box")
        if not sum(sizes):
            return
        box, kinds = np.concatenate(self.boxes), np.concatenate(self.box_classes)
        if kinds.dtype.kind != "i" or kinds.min() < 0 or kinds.max() >= len(self.classes):
            found = f"{kinds.dtype} {kinds.min()} to {kinds.max()}"
            raise ValueError(f"box_classes: found {found}, expected indices of {len(self.classes)} classes")
        inside = (box >= 0).all(1) & (box <= 1).all(1) & (box[:, :2] < box[:, 2:]).all(1)  # False for NaN
        if not inside.all():
            wrong = int(np.repeat(np.arange(len(sizes)), sizes)[~inside][0])
            raise ValueError(
                f"boxes of {self.names[wrong]}: found {self.boxes[wrong].tolist()}, expected shares"
            )

    def __len__(self) -> int:
        return len(self.names)

    def part(self, split: str) -> "BoxedImages":
        """The images of one split, in their order; possibly none.

        Raises:
            ValueError: ``split`` is not one of ``SPLITS``.
        """
        if split not in SPLITS:
            raise ValueError(f"split: found {split!r}, expected one of {SPLITS}")
        return self.take(np.flatnonzero(self.split == split))

    def take(self, rows: "np.ndarray | Sequence[int]") -> "BoxedImages":
        """The images at ``rows`` (indices), in the order given."""
        rows = np.asarray(rows, dtype=np.int64)
        chosen = rows.tolist()
        return BoxedImages(
            self.classes,
            tuple(self.names[i] for i in chosen),
            tuple(self.paths[i] for i in chosen),
            tuple(self.where[i] for i in chosen),
            self.labels[rows],
            tuple(self.boxes[i] for i in chosen),
            tuple(self.box_classes[i] for i in chosen),
            None if self.patients is None else self.patients[rows],
            self.split[rows],
        )

    def of_class(self, k: int, size: tuple[int, int]) -> list[Tensor]:
        """Boxes of class ``k`` in pixels of images resized to ``size`` (H, W): N tensors (n_i, 4), float32.

        As `papers_lib.metrics.localization` takes them; an image without a box of the class has (0, 4).

        Raises:
            ValueError: ``k`` is no index of a class.
        """
        if not 0 <= k < len(self.classes):
            raise ValueError(f"k: found {k}, expected 0 to {len(self.classes) - 1}")
        height, width = size
        scale = torch.tensor([width, height, width, height], dtype=torch.float32)
        return [
            torch.from_numpy(boxes[kinds == k]) * scale
            for boxes, kinds in zip(self.boxes, self.box_classes, strict=True)
        ]
