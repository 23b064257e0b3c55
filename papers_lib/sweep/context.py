"""What a run sees of the sweep that calls it; kept apart so that runs do not depend on the machinery.

An experiment module imports ``Context`` and ``RunFailed`` from here: the digest of its code then stays free
of the modules that schedule, store and report runs, and a change of those recomputes nothing.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FAILURES = ("diverged", "collapsed")


class RunFailed(Exception):
    """Raised by a run whose training failed in a way that is a result: it is recorded and cached like one.

    Args:
        status: "diverged" (the loss is not finite) or "collapsed" (the model predicts too few classes).
        reason: one line for the table of excluded runs.

    Raises:
        ValueError: another status; any other exception of a run is recorded as "failed" by the sweep.
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
        checkpoint: file that the training loop saves to and resumes from; the path is the same for every
            attempt at the same run, and the file is removed once the run's result is stored.
        precision: numerical precision asked for ("float32", "bfloat16", ...).
        initial_weights: name of the weights that training starts from.
    """

    device: str
    data_root: Path
    checkpoint: Path
    precision: str = "float32"
    initial_weights: str = "random"
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False, compare=False)

    def save_arrays(self, **arrays: ArrayLike) -> None:
        """Keep arrays beside the run's metrics, for ``Record.arrays()``; a name given twice is replaced.

        Raises:
            TypeError: an array holds Python objects, which a file of numbers cannot.
        """
        for name, values in arrays.items():
            array = np.asarray(values)
            if array.dtype.hasobject:
                raise TypeError(f"array {name!r} holds Python objects; expected numbers, booleans or strings")
            self.arrays[name] = array
