"""Training until the validation loss no longer falls: cuts of the learning rate, the stop, the best checkpoint.

The rules of the PYLON paper (Preechakul et al., STAR Methods, "Hyperparameter tuning"): the rate is divided by five
when the validation loss "does not improve for two consecutive epochs" (torch's ``patience=2``), training stops when
it "was reduced by more than two times", and the weights of the lowest validation loss are kept.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from papers_lib.sweep import RunFailed
from papers_lib.training.loop import Objective, train


@dataclass(frozen=True)
class Plateau:
    """When to cut the learning rate and when to stop."""

    factor: float = 0.2  # on the rate at a cut
    patience: int = 2  # checks in a row without improvement that are still borne
    cuts: int = 3  # the cut at which training stops
    every: int = 1  # epochs between checks (the authors': 1, on VinDr-CXR 3)


@dataclass(frozen=True)
class Fit:
    """What training came to; a check is {"epoch" (from 1), "loss" (validation), "rate", what ``validate`` gave}."""

    checks: list[dict[str, float]]
    best: int  # number of the check whose weights the model has now
    converged: bool  # stopped by the last cut; else the epochs ran out


class _Converged(Exception):
    """Leaves the training loop at the last cut."""


class _Schedule(torch.optim.lr_scheduler.ReduceLROnPlateau):
    """Torch's schedule, which keeps the checks, the best weights and the number of cuts among its state."""

    def __init__(self, optimizer: torch.optim.Optimizer, plateau: Plateau) -> None:
        super().__init__(optimizer, factor=plateau.factor, patience=plateau.patience)
        self.checks: list[dict[str, float]] = []
        self.best_weights: dict[str, Tensor] = {}
        self.epochs_done = 0
        self.cuts = 0


def fit(
    model: nn.Module,
    objective: Objective,
    samples: int,
    *,
    validate: Callable[[nn.Module], Mapping[str, float]],
    optimizer: torch.optim.Optimizer,
    epochs: int,
    plateau: Plateau,
    **options: Any,
) -> Fit:
    """Train ``model`` in place to the weights of the lowest validation loss, in eval mode; ``validate`` gives "loss".

    RunFailed: "diverged", a training or validation loss that is not finite.
    """
    schedule = _Schedule(optimizer, plateau)

    def check(_: nn.Module) -> Mapping[str, float]:
        schedule.epochs_done += 1
        epoch, rate = schedule.epochs_done, optimizer.param_groups[0]["lr"]
        if epoch % plateau.every and epoch < epochs:
            return {}
        found = dict(validate(model))
        if not math.isfinite(found["loss"]):
            raise RunFailed("diverged", f"validation loss is {found['loss']} after epoch {epoch}")
        lowest = min((one["loss"] for one in schedule.checks), default=math.inf)
        schedule.checks.append({"epoch": float(epoch), "rate": rate, **found})
        if found["loss"] < lowest:
            schedule.best_weights = {name: value.clone() for name, value in model.state_dict().items()}
        schedule.step(found["loss"])
        if optimizer.param_groups[0]["lr"] < rate:
            schedule.cuts += 1
            if schedule.cuts >= plateau.cuts:
                raise _Converged
        return {}

    converged = False
    try:
        given: Any = {"optimizer": optimizer, "epochs": epochs, "validate": check, "schedule": schedule}
        train(model, objective, samples, **given, **options)
    except _Converged:
        converged = True
    model.load_state_dict(schedule.best_weights)
    model.eval()
    losses = [one["loss"] for one in schedule.checks]
    return Fit(schedule.checks, losses.index(min(losses)), converged)
