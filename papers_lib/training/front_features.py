"""Features of a frozen front, computed once for a whole data set and mapped into memory by every run.

A run that trains from a late stage on would push the same images through the same frozen layers in each of its
epochs; with the features on disk an epoch is a matter of seconds on a CPU. They are half-precision: the front is
frozen, so nothing accumulates.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed

from papers_lib.datasets.row_file import RowFile, check_room, new_row_file
from papers_lib.errors import UserError
from papers_lib.files import replacing
from papers_lib.models.classifier import pooled_classifier, split_at
from papers_lib.models.packaged_weights import PACKAGES
from papers_lib.sweep.digest import code_digest, library_versions
from papers_lib.sweep.encoding import json_digest
from papers_lib.sweep.progress import say
from papers_lib.training import gpu_batches
from papers_lib.training.devices import processes
from papers_lib.training.gpu import on_gpu

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

    The store is a cache: a file that is damaged or of another size is made again.

    Args:
        images: uint8 (N, H, W, 3), in the order that the features shall have; mapped from ``store`` itself.
        store: path without suffix; the file's name gets a key of backbone, weights, stage, code and versions.
        backbone, weights, stage: as :func:`papers_lib.models.classifier.pooled_classifier` and ``split_at`` have them.
        device: on which to compute; part of the key.
        jobs: processes on a CPU, 0 for one a physical core; of one thread each, so that numbers do not depend on it.

    Returns: float16 (N, C, h, w), mapped read-only.

    Raises:
        UserError: no room on the disk, or features that half precision cannot hold.
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
    kept = _mapped(path, len(images))
    if kept is None:
        path.unlink(missing_ok=True)
        say(f"features of {len(images)} images before {stage} of {backbone}")
        with replacing(path) as temporary:
            _fill(temporary, images, (backbone, weights, stage), device, jobs)
        kept = np.load(path, mmap_mode="r")
    return kept


def _mapped(path: Path, count: int) -> np.ndarray | None:
    """Features as they were stored; None where there is no such file, or another than was written."""
    try:
        kept: np.ndarray = np.load(path, mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return kept if kept.dtype == np.float16 and kept.ndim == 4 and len(kept) == count else None


def _fill(path: Path, images: np.ndarray, which: tuple[str, str, str], device: str, jobs: int) -> None:
    shape = (len(images), *through(frozen_front(*which), images[:1], device).shape[1:])
    check_room(path.parent, math.prod(shape) * 2, f"features of {len(images)} images")
    new_row_file(path, np.float16, shape)
    starts = range(0, len(images), CHUNK)
    workers = processes(jobs, device) if device == "cpu" else 1
    Parallel(n_jobs=workers)(delayed(_chunk)(path, images, start, which, device) for start in starts)
    if on_gpu(device):
        gpu_batches.release()  # the runs that follow are other processes'


def _chunk(path: Path, images: np.ndarray, start: int, which: tuple[str, str, str], device: str) -> None:
    with _one_thread(device):
        found = through(frozen_front(*which), images[start : start + CHUNK], device).half().cpu()
    good = found.isfinite().flatten(1).all(1)
    if not bool(good.all()):
        backbone, _, stage = which
        image = start + int(good.int().argmin())
        raise UserError(
            f"features before {stage} of {backbone}: found infinity or NaN for image {image}, "
            f"expected at most {torch.finfo(torch.float16).max:g} (half precision); train from another stage"
        )
    with RowFile(path) as rows:  # plain writes: a full disk is an error, not the end of the process
        for row, values in enumerate(found.numpy(), start=start):
            rows.write(row, values)


@contextmanager
def _one_thread(device: str) -> Iterator[None]:
    """On a CPU a single thread, so that numbers do not depend on how many processes there are."""
    before = torch.get_num_threads()
    if device == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
