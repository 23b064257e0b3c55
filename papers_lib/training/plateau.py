"""Training until the validation loss no longer falls: cuts of the learning rate, the stop, the best checkpoint.

The rules of the PYLON paper (Preechakul et al., STAR Methods, "Hyperparameter tuning"): the rate is divided by five
when the validation loss "does not improve for two consecutive epochs", training stops when it "was reduced by
more than two times", and the weights of the lowest validation loss are kept.

"Two consecutive epochs" is torch's ``patience=2``, as the authors set it: the cut comes with the third check in a row
that does not improve, by torch's relative threshold of 1e-4.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from papers_lib.sweep import RunFailed
from papers_lib.training.loop import Objective, train


@dataclass(frozen=True)
class Plateau:
    """When to cut the learning rate and when to stop.

    Attributes:
        factor: on the rate at a cut.
        patience: checks in a row without improvement that are still borne.
        cuts: the cut at which training stops.
        every: epochs between checks (the authors': 1, on VinDr-CXR 3).
    """

    factor: float = 0.2
    patience: int = 2
    cuts: int = 3
    every: int = 1


@dataclass(frozen=True)
class Fit:
    """What training came to.

    Attributes:
        checks: one dict of floats a check: "epoch" (from 1), "loss" (validation), "rate", what ``validate`` gave.
        best: number of the check whose weights the model has now.
        converged: stopped by the last cut; else the epochs ran out.
    """

    checks: list[dict[str, float]]
    best: int
    converged: bool


class _Converged(Exception):
    """Leaves the training loop at the last cut."""


class _Watched(nn.Module):
    """A model and its schedule as one module, so that a checkpoint of the training loop holds both."""

    def __init__(self, model: nn.Module, scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau) -> None:
        super().__init__()
        self.model = model
        self.scheduler = scheduler
        self.checks: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.epoch = 0
        self.cuts = 0

    def get_extra_state(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("checks", "best", "epoch", "cuts")}
        return {"scheduler": self.scheduler.state_dict(), **own}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(state["scheduler"])
        for name in ("checks", "best", "epoch", "cuts"):
            setattr(self, name, state[name])


def fit(
    model: nn.Module,
    objective: Objective,
    samples: int,
    *,
    validate: Callable[[nn.Module], Mapping[str, float]],
    optimizer: torch.optim.Optimizer,
    epochs: int,
    batch_size: int,
    generator: torch.Generator,
    plateau: Plateau,
    checkpoint: Path | None = None,
    autocast: torch.dtype | None = None,
) -> Fit:
    """Train ``model`` in place and leave it with the weights of the lowest validation loss, in eval mode.

    Args:
        objective, samples, batch_size, generator, checkpoint, autocast: as :func:`papers_lib.training.train` has them.
        validate: called in eval mode without gradients at each check; must give "loss".
        optimizer: over the parameters to be trained; its rate is cut.
        epochs: at most.

    Raises:
        RunFailed: "diverged", a training or validation loss that is not finite.
    """
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=plateau.factor, patience=plateau.patience
    )
    watched = _Watched(model, scheduler)

    def check(_: nn.Module) -> Mapping[str, float]:
        watched.epoch += 1
        if watched.epoch % plateau.every and watched.epoch < epochs:
            return {}
        rate = optimizer.param_groups[0]["lr"]
        found = dict(validate(model))
        if not math.isfinite(found["loss"]):
            raise RunFailed("diverged", f"validation loss is {found['loss']} after epoch {watched.epoch}")
        lowest = min((one["loss"] for one in watched.checks), default=float("inf"))
        watched.checks.append({"epoch": float(watched.epoch), "rate": rate, **found})
        if found["loss"] < lowest:
            watched.best = {name: value.detach().clone() for name, value in model.state_dict().items()}
        scheduler.step(found["loss"])
        if optimizer.param_groups[0]["lr"] < rate:
            watched.cuts += 1
            if watched.cuts >= plateau.cuts:
                raise _Converged
        return {}

    converged = False
    try:
        train(
            watched,
            lambda holder, indices: objective(holder.model, indices),
            samples,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            generator=generator,
            validate=check,
            checkpoint=checkpoint,
            autocast=autocast,
        )
    except _Converged:
        converged = True
    if watched.best:
        model.load_state_dict(watched.best)
    model.eval()
    losses = [one["loss"] for one in watched.checks]
    return Fit(watched.checks, losses.index(min(losses)), converged)
