"""What frozen layers give for a whole data set: computed once, in half precision, and mapped into memory by every
run.

For the front of a classifier (one array, channels first), and stages of a pyramid encoder (channels last).
"""

import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from papers_lib.datasets.row_file import RowFile, check_room, new_row_file
from papers_lib.errors import UserError
from papers_lib.files import replacing_folder
from papers_lib.models.classifier import pooled_classifier, split_at
from papers_lib.models.pyramid_encoder import PyramidEncoder, pyramid_encoder
from papers_lib.models.timm_backbones import PACKAGES
from papers_lib.processes import in_processes, processes
from papers_lib.sweep import code_digest, library_versions, say
from papers_lib.sweep.cache import json_digest
from papers_lib.training.gpu_batches import release


@dataclass(frozen=True)
class Front:
    """The layers of a classifier before ``stage``; see ``papers_lib.models.classifier``."""

    backbone: str
    weights: str
    stage: str

    chunk = 32  # images a pass; the result of an image does not depend on it beyond the last bits
    stages = 1
    module = "papers_lib.models.classifier"

    def features(self, images: np.ndarray, device: str) -> list[Tensor]:
        """One array (n, C, h, w)."""
        return [through(frozen_front(self.backbone, self.weights, self.stage), images, device)]


@dataclass(frozen=True)
class Frozen:
    """Which stages of which encoder are frozen; see ``papers_lib.models.pyramid_encoder.pyramid_encoder``."""

    backbone: str
    weights: str
    channels: int
    stages: int = 4  # how many of the four are frozen and stored, from the finest on
    output_stride: int = 32  # or 16 for a dilated last stage

    chunk = 16
    module = "papers_lib.models.pyramid_encoder"

    @torch.no_grad()
    def features(self, images: np.ndarray, device: str) -> list[Tensor]:
        """An array (n, h, w, C) a stage."""
        found = frozen_encoder(self).to(device)(pixels(images, device))[: self.stages]
        return [one.permute(0, 2, 3, 1) for one in found]


@lru_cache(maxsize=4)
def frozen_front(backbone: str, weights: str, stage: str) -> nn.Sequential:
    """The layers of ``backbone`` before ``stage``, in eval mode and without gradients; the same in every process."""
    model = pooled_classifier(backbone, 2, generator=torch.Generator().manual_seed(0), weights=weights)  # type: ignore[arg-type]
    front, _ = split_at(model, stage)
    return front.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@lru_cache(maxsize=4)
def frozen_encoder(which: Frozen) -> PyramidEncoder:
    """The encoder in eval mode and without gradients; the same in every process."""
    encoder = pyramid_encoder(
        which.backbone, generator=torch.Generator().manual_seed(0), weights=which.weights,  # type: ignore[arg-type]
        in_channels=which.channels, output_stride=which.output_stride,
    )  # fmt: skip
    return encoder.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@torch.no_grad()
def through(front: nn.Module, images: np.ndarray, device: str) -> Tensor:
    """Features (n, C, h, w) of uint8 images (n, H, W, 3)."""
    return front.to(device)(pixels(images, device))


def pixels(images: np.ndarray, device: str) -> Tensor:
    """uint8 images (n, H, W) or (n, H, W, 3) as float32 (n, C, H, W) in [0, 1]."""
    found = torch.from_numpy(np.array(images)).to(device)  # a copy: the map is read-only
    found = found[:, None] if found.ndim == 3 else found.permute(0, 3, 1, 2)
    return found.float() / 255


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
    """Features float16 (N, C, h, w) of ``images`` uint8 (N, H, W, 3) before ``stage``, read-only, computed if need be.

    ``store``: the first part of the path; a key of layers, weights, code, versions and device is added. ``backbone``,
    ``weights``, ``stage``: as in :func:`papers_lib.models.classifier.pooled_classifier` and ``split_at``. ``jobs``:
    processes on a CPU, 0 for one a core. UserError, if half precision or the disk cannot hold them.
    """
    which = Front(backbone, weights, stage)
    return _stored(images, store.with_name(f"{store.name}-{_key(which, device)}"), which, device, jobs)[0]


def pyramid_features(
    images: np.ndarray, folder: Path, which: Frozen, *, device: str = "cpu", jobs: int = 1
) -> list[np.ndarray]:
    """Features of ``images``, uint8 (N, H, W) or (N, H, W, 3) with sides divisible by 32, kept in ``folder``.

    Returns: ``which.stages`` arrays, float16 (N, h, w, C), finest first. The rest is as in :func:`front_features`.
    """
    return _stored(images, folder / f"features-{_key(which, device)}", which, device, jobs)


def channel_statistics(features: Sequence[np.ndarray], rows: np.ndarray) -> tuple[list[Tensor], list[Tensor]]:
    """Mean and deviation (C,) of each channel (1 if constant), one array a stage, over every fourth of ``rows``."""
    means, deviations = [], []
    for stage in features:
        values = torch.from_numpy(np.asarray(stage[rows[::4]])).float()
        deviation = values.std((0, 1, 2), correction=0)
        means.append(values.mean((0, 1, 2)))
        deviations.append(torch.where(deviation > 0, deviation, torch.ones(())))
    return means, deviations


def _key(which: Front | Frozen, device: str) -> str:
    made_by = {
        "which": asdict(which),
        "device": device.partition(":")[0],
        "weights": PACKAGES[which.backbone].sha256 if which.weights == "packaged" else which.weights,
        "code": code_digest([which.module]),
        "libraries": library_versions([which.module]),
    }
    return json_digest(made_by)[:16]


def _stored(
    images: np.ndarray, path: Path, which: Front | Frozen, device: str, jobs: int
) -> list[np.ndarray]:
    if not _mapped(path, len(images), which.stages):
        shutil.rmtree(path, ignore_errors=True)  # a cache: what is damaged is made again
        say(f"features of {len(images)} images: {which}")
        with replacing_folder(path) as temporary:
            _fill(temporary, images, which, device, jobs)
    return _mapped(path, len(images), which.stages)


def _mapped(path: Path, count: int, stages: int) -> list[np.ndarray]:
    """The arrays as they were stored; none where one is absent or not what was written."""
    try:
        kept = [np.load(path / f"stage{number}.npy", mmap_mode="r") for number in range(stages)]
    except (OSError, ValueError, EOFError):
        return []
    good = all(one.dtype == np.float16 and one.ndim == 4 and len(one) == count for one in kept)
    return kept if good else []


def _fill(folder: Path, images: np.ndarray, which: Front | Frozen, device: str, jobs: int) -> None:
    shapes = [tuple(one.shape[1:]) for one in which.features(images[:1], device)]
    needed = len(images) * 2 * sum(map(math.prod, shapes))
    check_room(folder.parent, needed, f"features of {len(images)} images")
    for number, shape in enumerate(shapes):
        new_row_file(folder / f"stage{number}.npy", np.float16, (len(images), *shape))
    starts = range(0, len(images), which.chunk)
    chunks = ((folder, np.array(images[n : n + which.chunk]), n, which, device) for n in starts)
    in_processes(_chunk, chunks, processes(jobs, device) if device == "cpu" else 1)
    release()  # the runs that follow are other processes'


def _chunk(folder: Path, images: np.ndarray, start: int, which: Front | Frozen, device: str) -> None:
    for number, stage in enumerate(one.half().cpu() for one in which.features(images, device)):
        good = stage.isfinite().flatten(1).all(1)
        if not good.all():
            raise UserError(
                f"{which}, stage {number}: found infinity or NaN for image {start + int(good.int().argmin())}, "
                f"expected at most {torch.finfo(torch.float16).max:g} (half precision)"
            )
        with RowFile(folder / f"stage{number}.npy") as rows:  # plain writes: a full disk is an error
            for row, values in enumerate(stage.numpy(), start=start):
                rows.write(row, values)
