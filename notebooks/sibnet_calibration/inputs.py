"""What a run of the Sibnet experiment feeds its model with: pixels, or stored features of a frozen part."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from papers_lib.datasets.chexpert_store import ARRAYS, ChexpertImages, open_store
from papers_lib.datasets.image_store import load_images
from papers_lib.training import gpu_batches
from papers_lib.training.front_features import front_features, frozen_front
from papers_lib.training.gpu import on_gpu

PARTS = ("train", "val", "test")
"""Parts of a set; "val" is the part on which calibrators are fitted."""


@lru_cache(maxsize=4)
def open_images(root: Path) -> ChexpertImages:
    """A store, read once a process; one of a set in another layout knows no truth, and its labels are certain."""
    if (root / ARRAYS["truth"]).is_file():
        return open_store(root)
    images, pixels = load_images(root)
    return ChexpertImages(images, pixels, np.full(images.labels.shape, np.nan), images.labels.astype(float))


@lru_cache(maxsize=4)
def stored(root: Path, backbone: str, weights: str, stage: str, device: str, jobs: int = 1) -> np.ndarray:
    """Features of a store's images before ``stage``, float16 (N, C, h, w), computed where the store lacks them."""
    return front_features(
        in_colour(open_images(root).pixels),
        root / "front",
        backbone,
        weights,
        stage,
        device=device,
        jobs=jobs,
    )


def in_colour(pixels: np.ndarray) -> np.ndarray:
    """Grey pixels (n, H, W) as three equal channels (n, H, W, 3), without copying."""
    return np.broadcast_to(pixels[..., None], (*pixels.shape, 3))


def frozen_part(backbone: str, weights: str, stage: str, device: str) -> nn.Module:
    """The layers before ``stage``, in eval mode and without gradients; nothing where all is trained."""
    if not stage:
        return nn.Identity()
    return frozen_front(backbone, weights, stage).to(device)


@dataclass(frozen=True)
class Inputs:
    """Images of a store, or features of its frozen part.

    Attributes:
        images: the set.
        features: float16 (N, C, h, w), or None where all of the network is trained.
        rows: row numbers of each part.
    """

    images: ChexpertImages
    features: np.ndarray | None
    rows: Mapping[str, np.ndarray]

    @classmethod
    def of(
        cls, images: ChexpertImages, root: Path, backbone: str, weights: str, stage: str, device: str
    ) -> "Inputs":
        """Inputs of the set at ``root`` for a network that is trained from ``stage`` on."""
        features = stored(root, backbone, weights, stage, device) if stage else None
        return cls(images, features, {part: np.flatnonzero(images.images.split == part) for part in PARTS})

    def batch(self, rows: np.ndarray, device: str) -> Tensor:
        """Features (n, C, h, w), or pixels (n, 3, H, W) in [0, 1], as float32 on the device."""
        if self.features is not None:
            if on_gpu(device):
                found = gpu_batches.taken(self.features, rows, device).float()
            else:
                found = torch.from_numpy(self.features[rows]).to(device).float()
            return found.contiguous(memory_format=torch.channels_last)
        return self.pixels(rows, device)

    def pixels(self, rows: np.ndarray, device: str) -> Tensor:
        """Pixels (n, 3, H, W) in [0, 1], as float32 on the device."""
        if on_gpu(device):
            grey = gpu_batches.taken(self.images.pixels, rows, device).float() / 255
        else:
            grey = torch.from_numpy(np.asarray(self.images.pixels[rows])).to(device).float() / 255
        return grey[:, None].expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
