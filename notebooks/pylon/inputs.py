"""What a phase of training feeds its model with: pixels, or stored features of the frozen stages."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.image_store import load_images
from papers_lib.models.heatmap_classifier import HeatmapClassifier, HeatmapOutput
from papers_lib.models.later_stages import LaterStages
from papers_lib.training import gpu_batches
from papers_lib.training.augmentation import PHOTOGRAPH, RADIOGRAPH, augment
from papers_lib.training.gpu import on_gpu
from papers_lib.training.pyramid_features import Frozen, pixels, pyramid_features

POLICIES = {"radiograph": RADIOGRAPH, "photograph": PHOTOGRAPH}


@dataclass(frozen=True)
class Inputs:
    """Images of a store, and features of the first ``len(stages)`` stages of a frozen encoder (possibly none).

    Attributes:
        images: uint8 (N, H, W) or (N, H, W, 3).
        stages: float16 (N, h, w, C) each, finest first; raw, not standardised.
        policy: augmentation of the pixels, "radiograph", "photograph" or ""; needs ``stages`` empty.
    """

    images: np.ndarray
    stages: tuple[np.ndarray, ...] = ()
    policy: str = ""

    def batch(
        self, rows: np.ndarray, device: str, generator: torch.Generator | None = None
    ) -> Tensor | list[Tensor]:
        """Pixels (n, C, H, W) in [0, 1], augmented where a generator is given, or raw features of the stages."""
        if self.stages:
            return [_features(stage, rows, device) for stage in self.stages]
        if on_gpu(device):
            found = gpu_batches.pixels(self.images, rows, device)
        else:
            found = pixels(self.images[rows], device).contiguous(memory_format=torch.channels_last)
        if self.policy and generator is not None:
            if on_gpu(device):
                with torch.autocast("cuda", enabled=False):  # half precision would move its sampling grid
                    return augment(found, POLICIES[self.policy], generator)
            found = augment(found, POLICIES[self.policy], generator)
        return found


def _features(stage: np.ndarray, rows: np.ndarray, device: str) -> Tensor:
    """Channels last in memory, so that no decoder has to turn them."""
    if on_gpu(device):
        return gpu_batches.taken(stage, rows, device).permute(0, 3, 1, 2).float()
    return torch.from_numpy(stage[rows]).to(device).permute(0, 3, 1, 2).float()


class Staged(nn.Module):
    """A heatmap classifier that takes pixels, or features of the first ``given`` stages.

    Args: model, with its encoder; given, the stages whose features come in place of the pixels, 0 for none.
    """

    def __init__(self, model: HeatmapClassifier, given: int) -> None:
        super().__init__()
        assert model.encoder is not None
        self.model = model
        self._later = (LaterStages(model.encoder, given) if given else None,)  # its layers are the model's

    @property
    def later(self) -> LaterStages | None:
        """The encoder behind the given stages; None where pixels are given."""
        return self._later[0]

    def forward(self, given: Tensor | list[Tensor]) -> HeatmapOutput:
        later = self.later
        if later is None:
            assert isinstance(given, Tensor)
            return self.model(given)
        return self.model.from_features(later(given))


@lru_cache(maxsize=4)
def open_images(root: Path) -> tuple[BoxedImages, np.ndarray]:
    """A store, read once a process."""
    return load_images(root)


@lru_cache(maxsize=6)
def stored(root: Path, which: Frozen, device: str, jobs: int = 1) -> tuple[np.ndarray, ...]:
    """Features of a store's images, computed where it lacks them; see ``pyramid_features``."""
    _, images = open_images(root)
    return tuple(pyramid_features(images, root, which, device=device, jobs=jobs))
