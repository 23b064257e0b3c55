"""What came of runs, and the table made from it."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.sweep.context import FAILURES

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

STORED = ("ok", *FAILURES)  # results; "failed" and "died" are none, and are tried again next time


@dataclass(frozen=True)
class Record:
    """One run and what came of it.

    Attributes:
        config, label: the dataclass that describes the run, and its short name.
        status: "ok", "diverged", "collapsed" (results), "failed" (exception) or "died" (killed process).
        reason: one line for every status but "ok".
        metrics: name → number, text, list or dict; NaN and infinities are floats.
        key: hash of all that the result depends on.
    """

    config: Any
    label: str
    status: str
    reason: str
    metrics: dict[str, Any]
    key: str
    arrays_file: Path | None = None

    def arrays(self) -> "dict[str, NDArray[Any]]":
        """Arrays that the run saved, by name."""
        import numpy as np

        if self.arrays_file is None:
            return {}
        with np.load(self.arrays_file, allow_pickle=False) as archive:
            return dict(archive)


def records_frame(records: Sequence[Record]) -> "pd.DataFrame":
    """A tidy table, one row per run in the given order.

    Columns: the fields of the configs in their order (a nested dataclass or dict as ``outer.inner``), ``status``,
    ``reason``, then the metrics by name. Items of lists are joined by ", ". A metric that a run lacks is NaN.

    Raises: ValueError, if a metric has the name of another column.
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
