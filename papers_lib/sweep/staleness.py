"""Why a run has to be computed: what differs from the nearest result in the cache."""

from typing import Any

from papers_lib.sweep.records import decode

UNUSABLE = "unusable"
_ABSENT = "(absent)"
_NAMES = {"initial_weights": "initial weights", "config_type": "config type"}


def explain_stale(entries: dict[str, list[dict[str, Any]]], label: str, components: dict[str, Any]) -> str:
    """Say what changed since the nearest cached run of the same label.

    Nearest: fewest differing config fields, then fewest other differences, then newest.

    Args:
        entries: label → components of its cached runs, newest first (``Store.entries()``).
        label: short name of the run.
        components: what its key is made of (``sweep.components``).

    Returns:
        For example "code changed: papers_lib/losses/heatmap.py", "config: epochs 4 → 5", "data changed",
        "torch 2.12.0 → 2.13.0"; several joined by "; "; "new" where the cache has no run of that label, and
        "unusable" where it has one with the very same components.

    >>> explain_stale({"a": [{"config": {"epochs": 4}}]}, "a", {"config": {"epochs": 5}})
    'config: epochs 4 → 5'
    """
    if not entries.get(label):
        return "new"
    nearest = min(entries[label], key=lambda old: _distance(old, components))
    return "; ".join(differences(nearest, components)) or UNUSABLE


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Every difference between the components of two runs, in words.

    >>> differences({"config": {"epochs": 4}, "data": "a"}, {"config": {"epochs": 5}, "data": "b"})
    ['config: epochs 4 → 5', 'data changed']
    """
    found = []
    config = _changes(decode(old.get("config", {})), decode(new.get("config", {})))
    if config:
        found.append("config: " + ", ".join(config))
    if old.get("data") != new.get("data"):
        found.append("data changed")
    libraries = _changes(old.get("libraries", {}), new.get("libraries", {}))
    code = _changed_names(old.get("code", {}), new.get("code", {}))
    if code and not any(line.startswith("python ") for line in libraries):  # digests differ between Pythons
        files = [name.replace(".", "/") + ".py" for name in code]
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        found.append(f"code changed: {', '.join(files[:3])}{more}")
    found += libraries
    for name in _changed_names(old, new):
        if name not in ("config", "data", "code", "libraries"):
            found.append(f"{_NAMES.get(name, name)}: {old.get(name, _ABSENT)} → {new.get(name, _ABSENT)}")
    return found


def _changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [
        f"{name} {old.get(name, _ABSENT)} → {new.get(name, _ABSENT)}" for name in _changed_names(old, new)
    ]


def _changed_names(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    # Compared as text, so that NaN equals NaN and 1 differs from True.
    return [n for n in sorted({*old, *new}) if repr(old.get(n, _ABSENT)) != repr(new.get(n, _ABSENT))]


def _distance(old: dict[str, Any], new: dict[str, Any]) -> tuple[int, int]:
    return len(_changed_names(old.get("config", {}), new.get("config", {}))), len(differences(old, new))
