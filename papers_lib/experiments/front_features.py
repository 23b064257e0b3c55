"""Features of a frozen front, computed once for a whole data set and mapped into memory by every run.

A run that trains from a late stage on would push the same images through the same frozen layers in each of its
epochs; with the features on disk an epoch is a matter of seconds on a CPU. They are half-precision: the front is
frozen, so nothing accumulates.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed

from papers_lib.experiments.devices import processes
from papers_lib.experiments.digest import code_digest, library_versions
from papers_lib.experiments.encoding import json_digest
from papers_lib.experiments.progress import say
from papers_lib.files import replacing
from papers_lib.models.classifier import pooled_classifier, split_at
from papers_lib.models.packaged_weights import PACKAGES

CHUNK = 32  # images a pass; the result of an image does not depend on it beyond the last bits


@lru_cache(maxsize=4)
def frozen_front(backbone: str, weights: str, stage: str) -> torch.nn.Sequential:
    """The layers of ``backbone`` before ``stage``, in eval mode and without gradients; the same in every process."""
    model = pooled_classifier(backbone, 2, generator=torch.Generator().manual_seed(0), weights=weights)  # type: ignore[arg-type]
    front, _ = split_at(model, stage)
    return front.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@torch.no_grad()
def through(front: torch.nn.Module, images: np.ndarray, device: str) -> torch.Tensor:
    """Features (n, C, h, w) of uint8 images (n, H, W, 3)."""
    pixels = torch.from_numpy(np.array(images)).to(device)  # a copy: the map is read-only
    pixels = pixels.permute(0, 3, 1, 2).float() / 255  # channels-last in memory, as CPU kernels like it
    return front.to(device)(pixels)


def front_features(
    images: np.ndarray,
    store: Path,
    backbone: str,
    weights: str,
    stage: str,
    *,
    device: str = "cpu",
    jobs: int = 1,
) -> np.ndarray:
    """Features of ``images`` before ``stage``, read from the store or computed and kept there.

    Args:
        images: uint8 (N, H, W, 3), in the order that the features shall have; mapped from ``store`` itself.
        store: path without suffix; the file's name gets a key of backbone, weights, stage, code and versions.
        backbone, weights, stage: as :func:`papers_lib.models.classifier.pooled_classifier` and ``split_at`` have them.
        device: on which to compute; part of the key.
        jobs: processes on a CPU, 0 for one a physical core; of one thread each, so that numbers do not depend on it.

    Returns: float16 (N, C, h, w), mapped read-only.
    """
    key = json_digest(
        {
            "front": [backbone, weights, stage, device.partition(":")[0]],
            "weights": PACKAGES[backbone].sha256 if weights == "packaged" else weights,
            "code": code_digest(["papers_lib.models.classifier", "papers_lib.models.packaged_weights"]),
            "libraries": library_versions(["papers_lib.models.classifier"]),
        }
    )[:16]
    path = store.with_name(f"{store.name}-{key}.npy")
    if not path.is_file():
        say(f"features of {len(images)} images before {stage} of {backbone}")
        with replacing(path) as temporary:
            _fill(temporary, images, (backbone, weights, stage), device, jobs)
    return np.load(path, mmap_mode="r")


def _fill(path: Path, images: np.ndarray, which: tuple[str, str, str], device: str, jobs: int) -> None:
    shape = through(frozen_front(*which), images[:1], device).shape[1:]
    kept = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(len(images), *shape))
    del kept
    starts = range(0, len(images), CHUNK)
    workers = processes(jobs, device) if device == "cpu" else 1
    Parallel(n_jobs=workers)(delayed(_chunk)(path, images, start, which, device) for start in starts)


def _chunk(path: Path, images: np.ndarray, start: int, which: tuple[str, str, str], device: str) -> None:
    if device == "cpu":
        torch.set_num_threads(1)
    kept = np.lib.format.open_memmap(path, mode="r+")
    kept[start : start + CHUNK] = (
        through(frozen_front(*which), images[start : start + CHUNK], device).half().cpu()
    )
    kept.flush()
