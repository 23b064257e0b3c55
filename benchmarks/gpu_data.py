"""Where a batch comes from while a GPU trains: data that lie on it, pinned memory, or ordinary memory.

Both kinds of batch of the PYLON experiment, in bfloat16: pixels, with all of the network trained; and the stored
features of a frozen encoder, sixty times as many bytes, with the decoder trained.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.interleaved import alternating, rows_over
from papers_lib.models.freezing import freeze
from papers_lib.training import gpu_batches
from pylon import experiment as pylon
from pylon.inputs import Staged
from pylon.timing import images_of, stored_stages

PIXELS = pylon.PylonRun(
    seed=0, backbone="resnet50", weights="random", width=128, phases=("all",), train_from=0, standardise=False
)
FEATURES = pylon.PylonRun(seed=0, backbone="resnet50", weights="random", width=128, standardise=False)
CLASSES = 14

Taken = Callable[[np.ndarray, np.ndarray, str], Tensor]


def _pinned(array: np.ndarray, rows: np.ndarray, device: str) -> Tensor:
    return gpu_batches.to_device(torch.from_numpy(array[rows]), device)


def _pageable(array: np.ndarray, rows: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(array[rows]).to(device)


WAYS: dict[str, Taken] = {"resident": gpu_batches.taken, "pinned": _pinned, "pageable": _pageable}
LABELS = {
    "resident": "batches of data that lie on the GPU (ours, where they fit)",
    "pinned": "batches copied from pinned memory (ours, else)",
    "pageable": "batches copied from ordinary memory",
}
KINDS = {"pixels": PIXELS, "stored features": FEATURES}


class Trained(NamedTuple):
    """A model that is fed by hand: ``arrays`` hold one image a row; ``batch`` of them are drawn a step."""

    model: nn.Module
    arrays: tuple[np.ndarray, ...]
    labels: Tensor
    optimizer: torch.optim.Optimizer
    batch: int
    draws: np.random.Generator


def trained(config: pylon.PylonRun, device: str, batch: int, side: int, images: int) -> Trained:
    """Args: images, that there are to draw from."""
    boxed, uint8 = images_of(CLASSES, side, 1, images)
    model = pylon.build(config, CLASSES).to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert model.encoder is not None
    given = pylon._given(config, config.phases[0])
    found = stored_stages(model, uint8[:batch], given, device)
    arrays = tuple(np.concatenate([one] * (images // batch)) for one in found) or (uint8,)
    if given:
        freeze(model.encoder, "frozen")
    parameters = [one for one in model.parameters() if one.requires_grad]
    labels = torch.from_numpy(boxed.labels).float().to(device)
    optimizer = torch.optim.Adam(parameters, lr=1e-5)
    return Trained(Staged(model, given).train(), arrays, labels, optimizer, batch, np.random.default_rng(0))


def step(one: Trained, way: Taken, device: str) -> Tensor:
    """One step; returns its loss."""
    rows = one.draws.integers(len(one.arrays[0]), size=one.batch)
    taken = [way(array, rows, device) for array in one.arrays]
    if taken[0].ndim == 3:  # grey pixels
        given: Any = (taken[0][:, None].float() / 255).contiguous(memory_format=torch.channels_last)
    else:
        given = [found.permute(0, 3, 1, 2).float() for found in taken]
    one.optimizer.zero_grad(set_to_none=True)
    with torch.autocast(device.partition(":")[0], dtype=torch.bfloat16):
        logits = one.model(given).logits
    loss = binary_cross_entropy_with_logits(logits.float(), one.labels[: len(logits)])
    loss.backward()
    one.optimizer.step()
    return loss


def table(
    device: str, rounds: int, steps: int, batch: int = 64, side: int = 256, images: int = 256
) -> list[dict[str, Any]]:
    """A row a kind of data and way, over data on the GPU. Args: steps, in a row, a timing."""
    rows = []
    for kind, config in KINDS.items():
        one = trained(config, device, batch, side, images)
        actions = {name: partial(_several, one, way, device, steps) for name, way in WAYS.items()}
        times = alternating(actions, rounds, device)
        each = {name: [seconds / steps for seconds in found] for name, found in times.items()}
        found = rows_over(each, "resident", "PYLON on ResNet-50", LABELS)
        size = f"{kind}, batch {batch}, {side} x {side} px"
        rows += [row | {"key": f"data_{kind.split()[0]}_{row['key']}", "size": size} for row in found]
        del one, actions
        gpu_batches.release()
    return rows


def _several(one: Trained, way: Taken, device: str, steps: int) -> None:
    for _ in range(steps):
        step(one, way, device)
