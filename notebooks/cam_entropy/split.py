"""One split as a run takes it: crops, or features of a frozen front."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from papers_lib.datasets.voc_store import CropSplit, load_crops
from papers_lib.training import front_features, gpu_batches, on_gpu


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


@lru_cache(maxsize=8)
def open_split(
    root: Path,
    name: Literal["train", "test"],
    backbone: str,
    weights: str,
    stage: str,
    device: str,
    jobs: int = 1,
) -> Split:
    """Read a split once a process; features of the front before ``stage`` are computed where the store lacks them."""
    crops = load_crops(root, name)
    if not stage:
        return Split(crops, crops.images, crops.scenes)
    which: dict[str, Any] = {"backbone": backbone, "weights": weights, "stage": stage}
    which |= {"device": device, "jobs": jobs}
    inputs = front_features(crops.images, root / "fronts" / name, **which)
    scenes = None
    if crops.scenes is not None:
        scenes = front_features(crops.scenes, root / "fronts" / f"{name}-scenes", **which)
    return Split(crops, inputs, scenes)


def open_splits(root: Path, run: Any, device: str, jobs: int = 1) -> dict[str, Split]:
    """Both splits, "train" and "test", as ``run`` takes them; read or made once."""
    which = (run.backbone, run.weights, run.train_from, device, jobs)
    return {"train": open_split(root, "train", *which), "test": open_split(root, "test", *which)}


def open_all(root: Path, runs: Iterable[Any], device: str, jobs: int = 1) -> dict[str, Split]:
    """Make the features of every frozen front that ``runs`` need, before they start; return the first run's splits.

    Each front is computed once and in ``jobs`` processes (0: one a physical core). Left to the runs, those that
    start together would compute it side by side, each with one thread.

    Raises:
        UserError: crops that cannot be read, features that cannot be written; see ``front_features``.
    """
    opened = [open_splits(root, run, device, jobs) for run in runs]  # a front once, thanks to the cache
    return opened[0]


def rows_of(array: np.ndarray, items: Tensor | np.ndarray, device: str) -> Tensor:
    """``array[items]`` on the device; on a GPU the host doesn't wait for the copy."""
    rows = np.asarray(items)
    return (
        gpu_batches.taken(array, rows, device) if on_gpu(device) else torch.from_numpy(array[rows]).to(device)
    )


def batch_of(inputs: np.ndarray, items: Tensor | np.ndarray, device: str) -> Tensor:
    """Some items as float32 (B, C, h, w) on the device: features as they are, pixels in [0, 1]."""
    chosen = rows_of(inputs, items, device)
    return chosen.permute(0, 3, 1, 2).float() / 255 if chosen.dtype == torch.uint8 else chosen.float()
