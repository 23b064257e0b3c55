"""The one training loop: epochs of shuffled minibatches, with checkpoints and a divergence guard."""

import math
import time
import zipfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from papers_lib.errors import UserError
from papers_lib.files import replacing
from papers_lib.sweep import RunFailed, say
from papers_lib.training.gpu_batches import sent

Objective = Callable[[Any, Tensor], tuple[Tensor, Mapping[str, Tensor]]]
"""(model, indices (B,)) -> (scalar loss, named scalar tensors to be averaged over the epoch)."""


@dataclass
class History:
    """One dict of floats an epoch, in order."""

    epochs: list[dict[str, float]] = field(default_factory=list)

    def last(self, name: str) -> float:
        """The value of ``name`` in the last epoch."""
        return self.epochs[-1][name]


def train(
    model: nn.Module,
    objective: Objective,
    samples: int,
    *,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    batch_size: int,
    generator: torch.Generator,
    validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: float = 60.0,
    autocast: torch.dtype | None = None,
    schedule: Any = None,
) -> History:
    """Train ``model`` in place and return its history.

    ``objective``: see :data:`Objective`. Each epoch visits each of ``samples`` once, in an order from the CPU
    ``generator``; ``validate`` is called at its end, in eval mode without gradients. ``checkpoint``: file to go on
    from, saved at the first end of an epoch ``checkpoint_every`` seconds after the last, with the state of
    ``schedule``. ``autocast``: a dtype for mixed precision. RunFailed: "diverged", when an epoch's loss is not
    finite.
    """
    history = History()
    device = next(model.parameters()).device
    parts = {"model": model, "optimizer": optimizer, **({} if schedule is None else {"schedule": schedule})}
    if checkpoint is not None:
        _resume(checkpoint, parts, generator, history)
    saved_at = time.monotonic()
    for epoch in range(len(history.epochs), epochs):
        model.train()
        order = torch.randperm(samples, generator=generator)
        sums: dict[str, Tensor] = {}
        for indices in order.split(batch_size):
            indices = sent(indices, device)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
                loss, logs = objective(model, indices)
            loss.backward()
            optimizer.step()
            for name, value in {"loss": loss, **logs}.items():
                share = value.detach().float() * (len(indices) / samples)
                sums[name] = sums[name] + share if name in sums else share
        # One look an epoch: a NaN stays a NaN in the sum, and asking at each step would stall a GPU.
        entry = {name: float(value) for name, value in sums.items()}
        if not all(map(math.isfinite, entry.values())):
            raise RunFailed("diverged", f"loss is {entry['loss']} in epoch {epoch + 1} of {epochs}")
        if validate is not None:
            model.eval()
            with torch.no_grad():
                entry |= dict(validate(model))
        history.epochs.append(entry)
        if checkpoint is not None and time.monotonic() - saved_at >= checkpoint_every:
            state = {name: part.state_dict() for name, part in parts.items()}
            state |= {"generator": generator.get_state(), "history": history.epochs}
            _save(checkpoint, state)
            saved_at = time.monotonic()
    model.eval()
    return history


def _save(path: Path, state: dict[str, Any]) -> None:
    try:
        with replacing(path) as temporary:
            torch.save(state, temporary)
    except RuntimeError as error:
        if "CUDA" in str(error):
            raise
        # torch does not pass the system's reason on: "[enforce fail at inline_container.cc:672] . unexpected pos …"
        raise UserError("the checkpoint cannot be written; is the disk full?") from error


def _resume(path: Path, parts: dict[str, Any], generator: torch.Generator, history: History) -> None:
    """Go on from a checkpoint; one that is damaged or of another model is removed, with a message."""
    if not path.exists():
        return
    before = {name: deepcopy(part.state_dict()) for name, part in parts.items()}
    said = "is unreadable ({})"
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # torch does not look at its archive's checksums
                said = "is damaged (its checksum does not fit)"
                raise zipfile.BadZipFile
        state = torch.load(path, map_location="cpu", weights_only=True)
        said = "does not fit the model ({})"
        for name, part in parts.items():
            part.load_state_dict(state[name])
        generator.set_state(state["generator"])
        history.epochs = list(state["history"])
    except (MemoryError, OSError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # zipfile and torch raise a dozen unrelated types on a damaged file
        say(f"checkpoint {path.name} {said.format(type(error).__name__)}; training starts anew")
        for name, part in parts.items():
            part.load_state_dict(before[name])
        path.unlink(missing_ok=True)
