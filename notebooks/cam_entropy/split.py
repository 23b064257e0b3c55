"""One split as a run of the CAM-entropy experiment takes it: crops, or features of a frozen front."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from papers_lib.datasets.voc_crop_split import CropSplit, load_crops
from papers_lib.training import gpu_batches
from papers_lib.training.front_features import front_features
from papers_lib.training.gpu import on_gpu


@dataclass(frozen=True)
class Split:
    """One split as a run needs it.

    Attributes:
        crops: classes, boxes, masks and the pictures themselves.
        inputs: what the trained part takes: uint8 crops (N, H, W, 3), or float16 features (N, C, h, w).
        scene_inputs: the same for the whole test pictures, or None.
    """

    crops: CropSplit
    inputs: np.ndarray
    scene_inputs: np.ndarray | None


class Fronted(Protocol):
    """What of a run decides on its inputs: the network, its weights, the first stage that is trained."""

    @property
    def backbone(self) -> str: ...

    @property
    def weights(self) -> str: ...

    @property
    def train_from(self) -> str: ...


@lru_cache(maxsize=8)
def open_split(
    root: Path, name: str, backbone: str, weights: str, stage: str, device: str, jobs: int = 1
) -> Split:
    """Read a split once a process; features of the frozen front are computed where the store lacks them."""
    crops = load_crops(root, name)  # type: ignore[arg-type]
    if not stage:
        return Split(crops, crops.images, crops.scenes)
    which = {"backbone": backbone, "weights": weights, "stage": stage, "device": device, "jobs": jobs}
    inputs = front_features(crops.images, root / "fronts" / name, **which)  # type: ignore[arg-type]
    scenes = None
    if crops.scenes is not None:
        scenes = front_features(crops.scenes, root / "fronts" / f"{name}-scenes", **which)  # type: ignore[arg-type]
    return Split(crops, inputs, scenes)


def batch_of(inputs: np.ndarray, items: Tensor | np.ndarray, device: str) -> Tensor:
    """Some items as float32 (B, C, h, w) on the device: features as they are, pixels in [0, 1]."""
    if on_gpu(device):
        chosen = gpu_batches.taken(inputs, np.asarray(items), device)
    else:
        chosen = torch.from_numpy(inputs[np.asarray(items)]).to(device)
    if chosen.dtype == torch.uint8:
        return chosen.permute(0, 3, 1, 2).float() / 255
    return chosen.float()


def open_splits(
    root: Path, backbone: str, weights: str, stage: str, device: str, jobs: int = 1
) -> dict[str, Split]:
    """Both splits, "train" and "test", read or made once; see :func:`open_split`."""
    return {
        name: open_split(root, name, backbone, weights, stage, device, jobs) for name in ("train", "test")
    }


def open_all(root: Path, runs: Iterable[Fronted], device: str, jobs: int = 1) -> dict[str, Split]:
    """Make the features of every frozen front that ``runs`` need, before they start; return the first run's splits.

    Each front is computed once and in ``jobs`` processes (0: one a physical core). Left to the runs, those that
    start together would compute it side by side, each with one thread.

    Raises:
        UserError: crops that cannot be read, features that cannot be written; see ``front_features``.
        ValueError: no runs.
    """
    fronts = dict.fromkeys((run.backbone, run.weights, run.train_from) for run in runs)
    if not fronts:
        raise ValueError("runs: expected at least one")
    opened = [open_splits(root, *front, device, jobs) for front in fronts]
    return opened[0]
