"""What a run sees of the sweep that calls it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FAILURES = ("diverged", "collapsed")
at_end_of_run: list[Callable[[], None]] = []
"""Called after each run of this process, however it ended: what must not be kept for the next one."""


class RunFailed(Exception):
    """Raised by a run whose training failed in a way that is a result: it is recorded and cached like one.

    Args:
        status: "diverged" (the loss is not finite) or "collapsed" (the model predicts too few classes).
        reason: one line for the table of excluded runs.
    """

    def __init__(self, status: str, reason: str) -> None:
        if status not in FAILURES:
            raise ValueError(f"status must be one of {FAILURES}, got {status!r}")
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Context:
    """The surroundings of one run.

    Attributes:
        device: where to train, as torch spells it ("cpu", "cuda", "cuda:1").
        data_root: folder of the data set.
        checkpoint: file that the training loop saves to and resumes from. It is removed, with all files whose names
            begin with it, when the run's result is stored.
        precision: "float32", or "float32 compiled".
        initial_weights: name of the weights that training starts from.
    """

    device: str
    data_root: Path
    checkpoint: Path
    precision: str = "float32"
    initial_weights: str = "random"
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False, compare=False)

    def save_arrays(self, **arrays: ArrayLike) -> None:
        """Keep arrays of numbers, booleans or text beside the run's metrics, for ``Record.arrays()``."""
        self.arrays.update({name: np.asarray(values) for name, values in arrays.items()})
