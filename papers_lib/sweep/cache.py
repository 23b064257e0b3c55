"""Results of runs on disk, each under the hash of everything that it depends on.

Files: ``KEY.json`` {schema, key, label, components, result {status, reason, metrics, arrays}, check}, and ``KEY.npz``
where the run saved arrays. The array file is written first, so that a JSON file never promises more than there is.
``KEY.checkpoint`` and ``KEY.checkpoint.…`` are what an unfinished run goes on from.
"""

import dataclasses
import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.errors import UserError
from papers_lib.files import write_bytes, write_text
from papers_lib.sweep.records import STORED, Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEMA = 2


class Unusable(Exception):
    """A cache entry that cannot be trusted; its message says why."""


class Store:
    """The cached results of one paper, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str, suffix: str = ".json") -> Path:
        """File of ``key``; suffixes: .json (result), .npz (arrays), .checkpoint, .traceback.txt."""
        return self.folder / f"{key}{suffix}"

    def prepare(self) -> None:
        """Make the folder, and find out before anything is computed whether it can be written to."""
        probe = self.folder / ".probe"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{self.folder}: cannot be written ({error.strerror})") from error

    def save(
        self,
        components: dict[str, Any],
        label: str,
        result: dict[str, Any],
        arrays: "dict[str, NDArray[Any]]",
    ) -> dict[str, Any]:
        """Write a result, remove its checkpoints, and return it as a reader will find it."""
        import numpy as np

        key, digest = json_digest(components), None
        if arrays:
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **{name: arrays[name] for name in sorted(arrays)})  # type: ignore[arg-type]
            digest = _sha256(buffer.getvalue())
            write_bytes(self.path(key, ".npz"), buffer.getvalue())
        result = {**result, "arrays": digest}
        entry = {"schema": SCHEMA, "key": key, "label": label, "components": components, "result": result}
        text = json.dumps(
            {**entry, "check": json_digest(entry)}, sort_keys=True, indent=1
        )  # NaN as Python has it
        write_text(self.path(key), text)
        self._remove_checkpoints(key)
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
        self._remove_checkpoints(key)

    def entries(self) -> dict[str, list[dict[str, Any]]]:
        """Label → components of its usable entries."""
        found: dict[str, list[dict[str, Any]]] = {}
        for path in sorted(self.folder.glob("*.json")):
            try:
                entry = _read(path)
            except Unusable:
                continue  # it explains nothing; ``load`` reports it when its turn comes
            if entry is not None:
                found.setdefault(entry["label"], []).append(entry["components"])
        return found

    def record(self, config: Any, label: str, key: str, result: dict[str, Any]) -> Record:
        """The record of a result that came from ``load`` or ``save``."""
        arrays = self.path(key, ".npz") if result.get("arrays") else None
        return Record(config, label, result["status"], result["reason"], result["metrics"], key, arrays)

    def _remove_checkpoints(self, key: str) -> None:
        for path in self.folder.glob(f"{key}.checkpoint*"):
            path.unlink(missing_ok=True)


def why_stale(entries: dict[str, list[dict[str, Any]]], label: str, components: dict[str, Any]) -> str:
    """What differs from the nearest cached run of the same label; "new" where there is none.

    >>> why_stale({"a": [{"config": {"epochs": 4}, "data": "x"}]}, "a", {"config": {"epochs": 5}, "data": "x"})
    'config: epochs 4 → 5'
    """

    found = []
    for old in entries.get(label, []):
        names = [name for name in components if json_digest(old.get(name)) != json_digest(components[name])]
        found.append([_difference(name, old.get(name), components[name]) for name in names])
    nearest = min(found, key=len, default=["new"])
    return "; ".join(nearest) or "unusable"


def _difference(name: str, old: Any, new: Any) -> str:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return name.replace("_", " ")
    changed = [one for one in sorted({*old, *new}) if json_digest(old.get(one)) != json_digest(new.get(one))]
    if name == "code":
        shown = [f"{one.replace('.', '/')}.py" for one in changed]
    else:
        shown = [f"{one} {old.get(one)} → {new.get(one)}" for one in changed]
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return f"{name}: {', '.join(shown[:3])}{more}"


def json_digest(value: Any) -> str:
    """SHA-256 of the one JSON text of ``value``: sorted keys, no blanks.

    >>> json_digest({"b": 1, "a": 2}) == json_digest({"a": 2, "b": 1})
    True
    """
    return _sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def plain(value: Any, where: str) -> Any:
    """``value`` as it will be read back: dataclasses become dicts, tuples lists, scalars of NumPy and torch numbers.

    Raises:
        TypeError: it holds something else.

    >>> plain({"a": (1, float("inf"))}, "metrics")
    {'a': [1, inf]}
    """

    def known(one: Any) -> Any:
        if dataclasses.is_dataclass(one) and not isinstance(one, type):
            return {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
        if getattr(one, "ndim", None) == 0 and hasattr(one, "item"):
            return one.item()
        kind = f"{type(one).__module__}.{type(one).__qualname__}"
        raise TypeError(f"{where}: {kind} found; expected numbers, text, None, or lists and dicts of them")

    return json.loads(json.dumps(value, default=known, sort_keys=True))


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
