"""What a run sees of the sweep that calls it, what came of it, and the table made from many."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

FAILURES = ("diverged", "collapsed")
STORED = ("ok", *FAILURES)  # results; "failed" and "died" are none, and are tried again next time

at_end_of_run: list[Callable[[], None]] = []
"""Called after each run of this process, however it ended: what must not be kept for the next one."""


class RunFailed(Exception):
    """Raised by a run whose failure is a result: it "diverged" (loss not finite) or "collapsed"."""

    def __init__(self, status: str, reason: str) -> None:
        if status not in FAILURES:
            raise ValueError(f"status must be one of {FAILURES}, got {status!r}")
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Context:
    """The surroundings of one run."""

    device: str  # as torch spells it ("cpu", "cuda:1")
    data_root: Path
    # To save to and resume from. Removed, with all files whose names begin with it, when the result is stored.
    checkpoint: Path
    precision: str = "float32"  # or "float32 compiled"
    initial_weights: str = "random"
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False, compare=False)

    def save_arrays(self, **arrays: ArrayLike) -> None:
        """Keep arrays of numbers, booleans or text beside the run's metrics, for ``Record.arrays()``."""
        self.arrays.update({name: np.asarray(values) for name, values in arrays.items()})


@dataclass(frozen=True)
class Record:
    """One run and what came of it."""

    config: Any
    label: str
    status: str  # "ok", "diverged", "collapsed" (results), "failed" (exception) or "died" (killed process)
    reason: str  # one line for every status but "ok"
    metrics: dict[str, Any]  # name → number, text, list or dict; NaN and infinities are floats
    key: str  # hash of all that the result depends on
    arrays_file: Path | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays that the run saved, by name."""
        if self.arrays_file is None:
            return {}
        with np.load(self.arrays_file, allow_pickle=False) as archive:
            return dict(archive)


def records_frame(records: Sequence[Record]) -> "pd.DataFrame":
    """A tidy table, one row per run in the given order.

    Columns: the fields of the configs in their order (a nested dataclass or dict as ``outer.inner``), ``status``,
    ``reason``, then the metrics by name. Items of lists are joined by ", ". A metric that a run lacks is NaN.
    """
    import pandas as pd

    rows, names, metrics = [], dict[str, None](), set[str]()
    for record in records:
        config, measured = dict(_flat("", record.config)), dict(_flat("", record.metrics))
        names |= dict.fromkeys(config)
        metrics |= measured.keys()
        rows.append({**measured, **config, "status": record.status, "reason": record.reason})
    for name in sorted(metrics & {*names, "status", "reason"}):
        raise ValueError(f"metric {name!r} has the name of a config field or of a column of every table")
    return pd.DataFrame(rows, columns=[*names, "status", "reason", *sorted(metrics)])


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if dataclasses.is_dataclass(value):
        value = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from _flat(f"{name}.{inner}" if name else inner, item)
    else:
        yield name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
