"""Results of runs on disk, each under the hash of everything that it depends on.

Files: ``KEY.json`` {schema, key, label, components, result {status, reason, metrics, arrays}, check}, and ``KEY.npz``
where the run saved arrays. ``KEY.checkpoint…``: what an unfinished run goes on from.
"""

import dataclasses
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from papers_lib.files import write_bytes, write_text

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

    def save(
        self, components: dict[str, Any], label: str, result: dict[str, Any], arrays: dict[str, NDArray[Any]]
    ) -> dict[str, Any]:
        """Write a result, remove its checkpoints, and return it as ``load`` will."""
        key, digest = json_digest(components), None
        if arrays:
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **dict(sorted(arrays.items())))  # type: ignore[arg-type]
            digest = _sha256(buffer.getvalue())
            write_bytes(self.path(key, ".npz"), buffer.getvalue())
        result = {**result, "arrays": digest}
        entry = {"schema": SCHEMA, "key": key, "label": label, "components": components, "result": result}
        entry["check"] = json_digest(entry)
        write_text(self.path(key), json.dumps(entry, sort_keys=True, indent=1))  # NaN as Python has it
        self.forget(key, ".checkpoint*")
        return result

    def load(self, key: str) -> dict[str, Any] | None:
        """The stored result of ``key``, or None; Unusable, if it is damaged or of another schema."""
        entry, arrays = self._read(key), self.path(key, ".npz")
        if entry is None:
            return None
        digest = entry["result"]["arrays"]
        if digest is not None and (not arrays.is_file() or _sha256(arrays.read_bytes()) != digest):
            raise Unusable("its array file is absent, truncated or altered")
        return dict(entry["result"])

    def forget(self, key: str, suffix: str = ".*") -> None:
        """Remove the files of ``key``, the checkpoints of an unfinished attempt at it among them."""
        for path in self.folder.glob(f"{key}{suffix}"):
            path.unlink(missing_ok=True)

    def entries(self) -> dict[str, list[dict[str, Any]]]:
        """Label → components of its usable entries."""
        found: dict[str, list[dict[str, Any]]] = {}
        for path in sorted(self.folder.glob("*.json")):
            try:
                entry = self._read(path.stem)
            except Unusable:
                continue  # it explains nothing; ``load`` reports it when its turn comes
            if entry is not None:
                found.setdefault(entry["label"], []).append(entry["components"])
        return found

    def _read(self, key: str) -> dict[str, Any] | None:
        try:
            entry: dict[str, Any] = json.loads(self.path(key).read_bytes())
            check, schema, named = entry.pop("check"), entry["schema"], json_digest(entry["components"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Unusable("it is truncated or not a record of a run") from error
        if schema != SCHEMA:
            raise Unusable(f"its schema is {schema!r}, expected {SCHEMA}")
        if check != json_digest(entry) or named != key:
            raise Unusable("its checksum does not fit its content, or its name does not")
        return entry


def why_stale(cached: list[dict[str, Any]], components: dict[str, Any]) -> str:
    """What differs from the nearest of the ``cached`` of the same label, such as "config (epochs)", or "new"."""
    found: list[list[str]] = []
    for old in cached:
        found.append([])
        for name in (name for name in components if old.get(name) != components[name]):
            before, now, inner = old.get(name), components[name], ""
            if isinstance(before, dict) and isinstance(now, dict):
                inner = ", ".join(sorted(one for one in {*before, *now} if before.get(one) != now.get(one)))
            found[-1].append(f"{name} ({inner})" if inner else name)
    nearest = min(found, key=lambda names: len(names)) if found else ["new"]
    return ", ".join(nearest) or "unusable"


def json_digest(value: Any) -> str:
    """SHA-256 of the one JSON text of ``value``: sorted keys, no blanks."""
    return _sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def plain(value: Any, where: str) -> Any:
    """``value`` as it will be read back, dataclasses as dicts, tuples as lists; TypeError for what is not plain."""

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
