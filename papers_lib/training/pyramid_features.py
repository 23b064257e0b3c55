"""What frozen stages of a pyramid encoder give for a whole image store, computed once and mapped into memory.

Decoders that are trained on a frozen encoder then cost seconds an epoch on a CPU, and all methods and seeds read
the same numbers. One file a stage, half precision, finest stage first; channels last, as decoders on a CPU like it.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from torch import Tensor

from papers_lib.datasets.row_file import RowFile, check_room, new_row_file
from papers_lib.errors import UserError
from papers_lib.files import replacing_folder
from papers_lib.models.packaged_weights import PACKAGES
from papers_lib.models.pyramid_encoder import PyramidEncoder, pyramid_encoder
from papers_lib.sweep.digest import code_digest, library_versions
from papers_lib.sweep.encoding import json_digest
from papers_lib.sweep.progress import say
from papers_lib.training import gpu_batches
from papers_lib.training.devices import processes
from papers_lib.training.gpu import on_gpu

CHUNK = 16  # images a pass; the result of an image does not depend on it beyond the last bits
SUM_EVERY = 4  # statistics are taken from every fourth image: thousands of cells a channel are enough


@dataclass(frozen=True)
class Frozen:
    """Which stages of which encoder are frozen.

    Attributes:
        backbone, weights, channels: as ``papers_lib.models.pyramid_encoder.pyramid_encoder`` has them.
        stages: how many of the four stages are frozen and stored, from the finest on.
        output_stride: 32, or 16 for a dilated last stage.
    """

    backbone: str
    weights: str
    channels: int
    stages: int = 4
    output_stride: int = 32


@lru_cache(maxsize=4)
def frozen_encoder(which: Frozen) -> PyramidEncoder:
    """The encoder in eval mode and without gradients; the same in every process."""
    encoder = pyramid_encoder(
        which.backbone,
        generator=torch.Generator().manual_seed(0),
        weights=which.weights,  # type: ignore[arg-type]
        in_channels=which.channels,
        output_stride=which.output_stride,
    )
    return encoder.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def pixels(images: np.ndarray, device: str) -> Tensor:
    """uint8 images (n, H, W) or (n, H, W, 3) as float32 (n, C, H, W) in [0, 1]."""
    found = torch.from_numpy(np.array(images)).to(device)  # a copy: the map is read-only
    found = found[:, None] if found.ndim == 3 else found.permute(0, 3, 1, 2)
    return found.float() / 255


def pyramid_features(
    images: np.ndarray, folder: Path, which: Frozen, *, device: str = "cpu", jobs: int = 1
) -> list[np.ndarray]:
    """Features of ``images``, read from the folder or computed and kept there.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3), sides divisible by 32.
        folder: of the image store; the features lie beside the images, under a key of encoder, code and versions.
        which: the frozen stages.
        device: on which to compute; part of the key.
        jobs: processes on a CPU, 0 for one a physical core; of one thread each, so that numbers do not depend on it.

    Returns: ``which.stages`` arrays, float16 (N, h, w, C), mapped read-only, finest first.

    Raises:
        UserError: no room on the disk, or features that half precision cannot hold.
    """
    modules = ["papers_lib.models.pyramid_encoder", "papers_lib.models.packaged_weights"]
    key = json_digest(
        {
            "frozen": asdict(which),
            "device": device.partition(":")[0],
            "weights": PACKAGES[which.backbone].sha256 if which.weights == "packaged" else which.weights,
            "code": code_digest(modules),
            "libraries": library_versions(modules),
        }
    )[:16]
    path = folder / f"features-{key}"
    kept = _mapped(path, len(images), which.stages)
    if kept is None:
        shutil.rmtree(path, ignore_errors=True)  # a cache: what is damaged is made again
        say(f"features of {len(images)} images, {which.stages} stages of {which.backbone}")
        with replacing_folder(path) as temporary:
            _fill(temporary, images, which, device, jobs)
        kept = _mapped(path, len(images), which.stages)
        if kept is None:
            raise UserError(f"{path}: features cannot be read back, expected {len(images)} images; remove it")
    return kept


def channel_statistics(features: Sequence[np.ndarray], rows: np.ndarray) -> tuple[list[Tensor], list[Tensor]]:
    """Mean and standard deviation of each channel of each stage, over images ``rows`` (every fourth of them).

    Returns: two lists of float32 (C,), one entry a stage. A constant channel has deviation 1.
    """
    means, deviations = [], []
    for stage in features:
        values = torch.from_numpy(np.asarray(stage[rows[::SUM_EVERY]])).float()
        deviation = values.std((0, 1, 2), correction=0)
        means.append(values.mean((0, 1, 2)))
        deviations.append(torch.where(deviation > 0, deviation, torch.ones(())))
    return means, deviations


def _mapped(path: Path, count: int, stages: int) -> list[np.ndarray] | None:
    """The arrays as they were stored; None where one is absent or not what was written."""
    try:
        kept = [np.load(path / f"stage{number}.npy", mmap_mode="r") for number in range(stages)]
    except (OSError, ValueError, EOFError):
        return None
    good = all(one.dtype == np.float16 and one.ndim == 4 and len(one) == count for one in kept)
    return kept if good else None


@torch.no_grad()
def _through(which: Frozen, images: np.ndarray, device: str) -> list[Tensor]:
    found = frozen_encoder(which).to(device)(pixels(images, device))[: which.stages]
    return [one.permute(0, 2, 3, 1) for one in found]


def _fill(folder: Path, images: np.ndarray, which: Frozen, device: str, jobs: int) -> None:
    shapes = [tuple(one.shape[1:]) for one in _through(which, images[:1], device)]
    needed = len(images) * 2 * sum(int(np.prod(shape)) for shape in shapes)
    check_room(folder.parent, needed, f"features of {len(images)} images")
    for number, shape in enumerate(shapes):
        new_row_file(folder / f"stage{number}.npy", np.float16, (len(images), *shape))
    starts = range(0, len(images), CHUNK)
    workers = processes(jobs, device) if device == "cpu" else 1
    Parallel(n_jobs=workers)(delayed(_chunk)(folder, images, start, which, device) for start in starts)
    if on_gpu(device):
        gpu_batches.release()  # the runs that follow are other processes'


def _chunk(folder: Path, images: np.ndarray, start: int, which: Frozen, device: str) -> None:
    with _one_thread(device):
        found = [one.half().cpu() for one in _through(which, images[start : start + CHUNK], device)]
    for number, stage in enumerate(found):
        good = stage.isfinite().flatten(1).all(1)
        if not bool(good.all()):
            image = start + int(good.int().argmin())
            raise UserError(
                f"stage {number} of {which.backbone}: found infinity or NaN for image {image}, "
                f"expected at most {torch.finfo(torch.float16).max:g} (half precision)"
            )
        with RowFile(folder / f"stage{number}.npy") as rows:  # plain writes: a full disk is an error
            for row, values in enumerate(stage.numpy(), start=start):
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
