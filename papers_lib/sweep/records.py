"""Results of runs: a JSON file each, named by the hash of everything the result depends on.

Files: ``KEY.json`` {schema, key, label, components, result {status, reason, metrics, arrays}, check}, and
``KEY.npz`` where the run saved arrays. The array file is written first, so that a JSON file never promises
more than there is.
"""

import dataclasses
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.files import write_bytes, write_json
from papers_lib.sweep import checkpoints
from papers_lib.sweep.context import FAILURES, RunFailed
from papers_lib.sweep.encoding import decode, json_digest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Record", "RunFailed", "Store", "Unusable", "records_frame"]

SCHEMA = 1
STORED = ("ok", *FAILURES)  # results; "failed" and "died" are mishaps, tried again next time


class Unusable(Exception):
    """A cache entry that cannot be trusted; its message says why."""


@dataclass(frozen=True)
class Record:
    """One run and what came of it.

    Attributes:
        config: the dataclass that describes the run.
        label: its short name.
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
        """Arrays that the run saved, by name; empty if it saved none."""
        import numpy as np

        if self.arrays_file is None:
            return {}
        with np.load(self.arrays_file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}


class Store:
    """The cached results of one experiment, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str, suffix: str = ".json") -> Path:
        """File of ``key``; suffixes: .json (result), .npz (arrays), .checkpoint, .traceback.txt."""
        return self.folder / f"{key}{suffix}"

    def save(
        self,
        components: dict[str, Any],
        label: str,
        result: dict[str, Any],
        arrays: "dict[str, NDArray[Any]]",
    ) -> dict[str, Any]:
        """Write a result and return it as a reader will find it; its key is the hash of ``components``."""
        import numpy as np

        key = json_digest(components)
        digest = None
        if arrays:
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **{name: arrays[name] for name in sorted(arrays)})  # type: ignore[arg-type]
            digest = _sha256(buffer.getvalue())
            write_bytes(self.path(key, ".npz"), buffer.getvalue())
        result = {**result, "arrays": digest}
        entry = {"schema": SCHEMA, "key": key, "label": label, "components": components, "result": result}
        write_json(self.path(key), {**entry, "check": json_digest(entry)})
        return result

    def load(self, key: str) -> dict[str, Any] | None:
        """The stored result of ``key``, or None.

        Raises:
            Unusable: the entry is truncated, altered, of another schema, or its array file is.
        """
        entry = _read(self.path(key))
        if entry is None:
            return None
        if entry["key"] != key:
            raise Unusable("it holds the result of another run")
        result: dict[str, Any] = entry["result"]
        if result["arrays"] is not None:
            try:
                content = self.path(key, ".npz").read_bytes()
            except OSError as error:
                raise Unusable(f"its array file cannot be read: {error.strerror}") from error
            if _sha256(content) != result["arrays"]:
                raise Unusable("its array file is truncated or altered")
        return result

    def forget(self, key: str) -> None:
        """Remove the result of ``key`` and the checkpoints of an unfinished attempt at it."""
        for suffix in (".json", ".npz"):
            self.path(key, suffix).unlink(missing_ok=True)
        checkpoints.remove(self.path(key, ".checkpoint"))

    def entries(self) -> dict[str, list[dict[str, Any]]]:
        """Label → components of its usable entries, newest first."""
        found = []
        for path in self.folder.glob("*.json"):
            try:
                entry = _read(path)
                if entry is not None:
                    found.append((path.stat().st_mtime_ns, path.name, entry))
            except (Unusable, OSError):
                continue  # it explains nothing; ``load`` reports it when its turn comes
        entries: dict[str, list[dict[str, Any]]] = {}
        for _, _, entry in sorted(found, key=lambda item: item[:2], reverse=True):
            entries.setdefault(entry["label"], []).append(entry["components"])
        return entries

    def record(self, config: Any, label: str, key: str, result: dict[str, Any]) -> Record:
        """The record of a result that came from ``load`` or ``save``."""
        arrays = self.path(key, ".npz") if result.get("arrays") else None
        return Record(
            config, label, result["status"], result["reason"], decode(result["metrics"]), key, arrays
        )


def records_frame(records: Sequence[Record]) -> "pd.DataFrame":
    """A tidy table, a row a run in the given order.

    Columns: the fields of the configs in their order (a nested dataclass or dict as ``outer.inner``),
    ``status``, ``reason``, then the metrics by name. Tuples and lists are text, their items joined by ", ". A
    metric that a run lacks is NaN.

    Raises:
        ValueError: a metric has the name of a config field.
    """
    import pandas as pd

    rows, names, metrics = [], dict[str, None](), set[str]()
    for record in records:
        config = dict(_flat("", _fields(record.config)))
        measured = dict(_flat("", record.metrics))
        names |= dict.fromkeys(config)
        metrics |= measured.keys()
        rows.append({**measured, **config, "status": record.status, "reason": record.reason})
    for name in sorted(metrics & {*names, "status", "reason"}):
        raise ValueError(f"metric {name!r} has the name of a config field or of a column of every table")
    return pd.DataFrame(rows, columns=[*names, "status", "reason", *sorted(metrics)])


def _fields(config: Any) -> dict[str, Any]:
    """Fields of a dataclass in their order."""
    return {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}


def _flat(prefix: str, value: Any) -> Iterable[tuple[str, Any]]:
    if dataclasses.is_dataclass(value):
        value = _fields(value)
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, item)
    elif isinstance(value, (list, tuple)):
        yield prefix, ", ".join(map(str, value))
    else:
        yield prefix, value


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(path: Path) -> dict[str, Any] | None:
    """A cache entry whose form and checksum are right, or None if there is no such file."""
    try:
        entry = json.loads(path.read_bytes())
        content = {name: entry[name] for name in ("schema", "key", "label", "components", "result")}
        check = json_digest(content)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unusable(f"it cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unusable("it is truncated or not a record of a run") from error
    if content["schema"] != SCHEMA:
        raise Unusable(f"its schema is {content['schema']!r}, expected {SCHEMA}")
    if entry.get("check") != check:
        raise Unusable("its checksum does not fit its content")
    if json_digest(entry["components"]) != entry["key"] or entry["result"].get("status") not in STORED:
        raise Unusable("its key does not fit its components, or its status is not a result")
    return content
