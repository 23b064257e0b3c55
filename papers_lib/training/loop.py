"""The one training loop: epochs of shuffled minibatches, with checkpoints and a divergence guard.

The loop knows nothing of images: an *objective* turns a model and a batch of sample indices into a loss,
so that data may lie on the device, be cached features, or come from a loader.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from papers_lib.files import replacing
from papers_lib.sweep.context import RunFailed
from papers_lib.sweep.progress import say
from papers_lib.training import gpu_batches
from papers_lib.training.gpu import on_gpu

Objective = Callable[[Any, Tensor], tuple[Tensor, Mapping[str, Tensor]]]
"""(model, indices (B,)) -> (scalar loss, named scalar tensors to be averaged over the epoch)."""


@dataclass
class History:
    """What an epoch left behind: one dict of floats an epoch, in order."""

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
) -> History:
    """Train ``model`` in place and return its history.

    Args:
        objective: see :data:`Objective`; called in train mode, under autocast where that is asked for.
        samples: number of training samples; each epoch visits every one once, in an order from ``generator``.
        optimizer: over the parameters to be trained.
        epochs, batch_size: the last batch of an epoch may be smaller.
        generator: CPU generator of the sample order; its state is part of the checkpoint.
        validate: called in eval mode without gradients at the end of each epoch.
        checkpoint: file to save to and to go on from; removed by the caller when the result is stored.
        checkpoint_every: seconds between saves (at ends of epochs).
        autocast: a dtype for mixed precision, or None for the model's own precision.

    Raises:
        RunFailed: status "diverged", when an epoch's loss is not finite.
    """
    history = History()
    start = 0
    device = next(model.parameters()).device
    if checkpoint is not None and checkpoint.exists():
        start = _resume(checkpoint, model, optimizer, generator, history)
    saved_at = time.monotonic()
    for epoch in range(start, epochs):
        model.train()
        order = torch.randperm(samples, generator=generator)
        sums: dict[str, Tensor] = {}
        for indices in order.split(batch_size):
            if on_gpu(device):
                indices = gpu_batches.sent(indices, device)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
                loss, logs = objective(model, indices.to(device))
            loss.backward()
            optimizer.step()
            for name, value in {"loss": loss, **logs}.items():
                share = value.detach().float() * (len(indices) / samples)
                sums[name] = sums[name] + share if name in sums else share
        # One look an epoch: a NaN stays a NaN in the sum, and asking at each step would stall a GPU.
        entry = {name: float(value) for name, value in sums.items()}
        if not all(torch.isfinite(torch.tensor(value)) for value in entry.values()):
            raise RunFailed("diverged", f"loss is {entry['loss']} in epoch {epoch + 1} of {epochs}")
        if validate is not None:
            model.eval()
            with torch.no_grad():
                entry |= dict(validate(model))
        history.epochs.append(entry)
        if checkpoint is not None and time.monotonic() - saved_at >= checkpoint_every:
            _save(checkpoint, model, optimizer, generator, history)
            saved_at = time.monotonic()
    model.eval()
    return history


def _save(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    history: History,
) -> None:
    state: dict[str, Any] = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "generator": generator.get_state(),
        "history": history.epochs,
    }
    with replacing(path) as temporary:
        torch.save(state, temporary)


def _resume(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    history: History,
) -> int:
    """Load a checkpoint; returns the epochs done. A file that cannot be read is put away: start anew."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        epochs = list(state["history"])
    except Exception as error:  # torch.load raises a dozen unrelated types on a damaged file
        say(f"checkpoint {path.name} is unreadable ({type(error).__name__}); the run starts anew")
        path.unlink()
        return 0
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    generator.set_state(state["generator"])
    history.epochs = epochs
    return len(epochs)
