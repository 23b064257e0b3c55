"""A loaded VOC split as a torch data set: one random box an image and epoch, or the whole image.

Source: entropy-of-CAM paper, data section: "one box drawn at random per image and epoch". Whether the network
sees the crop of that box or the whole image is not stated there; the crop is the default, the whole image a
switch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from papers_lib.datasets.voc import VocSplit
from papers_lib.datasets.voc_frame import crop_frame, in_frame, record_picture, square
from papers_lib.errors import UserError


class VocItem(NamedTuple):
    """One training example, or, from `collate`, a batch of B (lists where the number of boxes varies).

    image: uint8 (3, side, side). target: class index, int64 (), for a crop; multi-hot, float32 (classes,),
    for a whole image. boxes: float32 (n, 4) in the pixels of the resized image, n = 1 for a crop.
    box_classes: int64 (n,).
    """

    image: torch.Tensor
    target: torch.Tensor
    boxes: torch.Tensor | list[torch.Tensor]
    box_classes: torch.Tensor | list[torch.Tensor]


class VocCrops(Dataset[VocItem]):
    """Crops of single boxes, or whole images, resized to a square (the aspect ratio is not kept; bilinear
    with antialiasing).

    The box of an image is a function of (seed, epoch, index) alone, whatever the number of workers, their
    order or the batches; `set_epoch` also reaches workers that live on between epochs.

    Args:
        split: from `load_voc`; build it with ``difficult=False`` to leave difficult boxes out.
        side: side of the returned images in pixels.
        seed: seed of the choice of boxes.
        whole: return whole images with all their boxes instead.

    Raises:
        UserError: ``side`` < 1, ``seed`` < 0; on access, a picture that cannot be decoded.
    """

    def __init__(self, split: VocSplit, side: int, seed: int, whole: bool = False) -> None:
        if side < 1 or seed < 0:
            raise UserError(f"side, seed: found {side}, {seed}, expected side ≥ 1 and seed ≥ 0")
        self.split = split
        self.side = side
        self.seed = seed
        self.whole = whole
        # Shared memory: persistent workers hold a copy of this object, but the same tensor.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, to be called before the loader is iterated.

        Raises:
            UserError: ``epoch`` < 0.
        """
        if epoch < 0:
            raise UserError(f"epoch: found {epoch}, expected 0 or more")
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.split)

    def chosen(self, index: int) -> int:
        """Return which box of image ``index`` is shown in this epoch, uniform over its boxes."""
        rng = np.random.default_rng((self.seed, int(self._epoch), index))
        return int(rng.integers(len(self.split.records[index].boxes)))

    def __getitem__(self, index: int) -> VocItem:
        if not 0 <= index < len(self):
            raise IndexError(f"index: found {index}, expected 0 to {len(self) - 1}")
        record = self.split.records[index]
        picture = record_picture(record)
        if self.whole:
            boxes, classes = record.boxes, torch.from_numpy(record.classes.copy())
            target = torch.zeros(len(self.split.classes)).index_fill_(0, classes, 1.0)
            frame = (0, 0, *record.size)
        else:
            row = self.chosen(index)
            boxes, classes = (
                record.boxes[row : row + 1],
                torch.from_numpy(record.classes[row : row + 1].copy()),
            )
            target = classes[0]
            frame = crop_frame(boxes[0])
        image = torch.from_numpy(square(picture, frame, self.side).transpose(2, 0, 1).copy())
        return VocItem(image, target, torch.from_numpy(in_frame(boxes, frame, self.side)), classes)

    @staticmethod
    def collate(items: Sequence[VocItem]) -> VocItem:
        """Join examples to a batch, boxes as a list; pass it to the loader as ``collate_fn``."""
        images, targets, boxes, classes = zip(*items, strict=True)
        return VocItem(torch.stack(images), torch.stack(targets), list(boxes), list(classes))
