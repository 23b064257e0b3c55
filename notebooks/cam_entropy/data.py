"""The pictures: a set in Pascal VOC's layout, or synthetic scenes, as crops of its boxes, as runs take them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from data_gen.scenes import ScenesSpec, write
from data_gen.store import ensure
from papers_lib.datasets.fingerprint import data_kind, tree_fingerprint
from papers_lib.datasets.voc_store import CropSpec, CropSplit, load_crops, write_crops
from papers_lib.sweep import DataRef
from papers_lib.training import front_features, gpu_batches


class Opened(NamedTuple):
    """The crops that runs read, and the fingerprint of the set that they were cut from."""

    crops: DataRef
    fingerprint: str


@dataclass(frozen=True)
class Split:
    """One split; inputs of the trained part: uint8 crops (N, H, W, 3), or float16 features of a frozen front."""

    crops: CropSplit
    inputs: np.ndarray
    scene_inputs: np.ndarray | None


def open_data(
    data_root: str, folder: Path, sizes: Mapping[str, int], seed: int, crops: Mapping[str, Any], jobs: int
) -> Opened:
    """The data set at ``data_root``, or, if that is "", synthetic scenes in ``folder``, and its crops in ``folder``.

    ``crops``: the fields of ``CropSpec`` but ``data``. Raises: UserError, a set that cannot be read.
    """
    if data_root:
        root = Path(data_root).expanduser()
        fingerprint = tree_fingerprint(root)[:16]
    else:
        root = ensure(folder, "scenes", ScenesSpec(seed=seed, **sizes), partial(write, jobs=jobs))
        fingerprint = root.name.rpartition("-")[2]
    spec = CropSpec(data=fingerprint, **crops)
    cut = ensure(folder, "crops", spec, partial(write_crops, root=root, jobs=jobs))
    return Opened(DataRef(cut, cut.name.rpartition("-")[2], data_kind(root)), fingerprint)


@lru_cache(maxsize=8)
def open_split(
    root: Path,
    name: Literal["train", "test"],
    backbone: str,
    weights: str,
    stage: str,
    device: str,
    jobs: int,
) -> Split:
    """Read a split once a process; features of the front before ``stage`` are computed where the store lacks them."""
    crops = load_crops(root, name)
    if not stage:
        return Split(crops, crops.images, crops.scenes)

    def features(images: np.ndarray, where: str) -> np.ndarray:
        return front_features(
            images, root / "fronts" / where, backbone, weights, stage, device=device, jobs=jobs
        )

    scenes = None if crops.scenes is None else features(crops.scenes, f"{name}-scenes")
    return Split(crops, features(crops.images, name), scenes)


def open_splits(root: Path, run: Any, device: str, jobs: int = 1) -> dict[str, Split]:
    """Both splits, "train" and "test", as ``run`` takes them; read or made once, in ``jobs`` processes."""
    which = (run.backbone, run.weights, run.train_from, device, jobs)
    return {"train": open_split(root, "train", *which), "test": open_split(root, "test", *which)}


def rows_of(array: np.ndarray, items: Tensor | np.ndarray, device: str) -> Tensor:
    """``array[items]`` on the device; on a GPU the host doesn't wait for the copy."""
    return gpu_batches.taken(array, np.asarray(items), device)


def batch_of(inputs: np.ndarray, items: Tensor | np.ndarray, device: str) -> Tensor:
    """Some items as float32 (B, C, h, w) on the device: features as they are, pixels in [0, 1]."""
    chosen = rows_of(inputs, items, device)
    return chosen.permute(0, 3, 1, 2).float() / 255 if chosen.dtype == torch.uint8 else chosen.float()
