"""Synthetic data: noisy squares with a bright spot on the left or on the right.

Replace it by a generator that writes the real set's layout on disk, so that one reader serves both.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from papers_lib.errors import UserError

SIDE = 12  # pixels
FILE = "images.npz"


@dataclass(frozen=True)
class Spec:
    """What the content depends on: images by part, and the seed."""

    train: int
    test: int
    seed: int


def write(root: Path, spec: Spec) -> None:
    """Write per part ``images`` (n, 12, 12) in float32 and ``labels`` (n,) into the folder ``root``."""
    rng = np.random.default_rng(spec.seed)
    arrays: dict[str, np.ndarray] = {}
    for part, count in (("train", spec.train), ("test", spec.test)):
        images = rng.normal(size=(count, SIDE, SIDE)).astype(np.float32)
        labels = np.arange(count) % 2
        rows, columns = rng.integers(1, SIDE - 1, count), rng.integers(1, SIDE // 2 - 1, count)
        for image, label, row, column in zip(images, labels, rows, columns, strict=True):
            x = column + label * (SIDE // 2)
            image[row - 1 : row + 2, x - 1 : x + 2] += 1.2
        arrays |= {f"{part}_images": images, f"{part}_labels": labels}
    np.savez(root / FILE, **arrays)


def load(root: Path, part: str, device: str) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 12, 12) and classes (n,) of a part, "train" or "test".

    Raises:
        UserError: the file is missing or is not what ``write`` writes.
    """
    try:
        with np.load(root / FILE, allow_pickle=False) as arrays:
            images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{FILE}: cannot be read ({error}); expected images and labels by part") from error
    return torch.from_numpy(images)[:, None].to(device), torch.from_numpy(labels).to(device)
