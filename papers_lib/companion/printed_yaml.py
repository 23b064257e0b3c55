"""Mappings in a YAML file of printed numbers: a key that is missing or unknown is one line that says where."""

from collections.abc import Collection
from typing import Any

from papers_lib.companion.yaml_files import show
from papers_lib.errors import UserError


def any_mapping(entry: Any, place: str) -> dict[Any, Any]:
    """The entry itself. Raises: UserError if it is no mapping.

    >>> any_mapping([1], "text")
    Traceback (most recent call last):
    papers_lib.errors.UserError: text: found [1], expected a mapping
    """
    if not isinstance(entry, dict):
        raise UserError(f"{place}: found {show(entry)}, expected a mapping")
    return entry


def mapping(entry: Any, place: str, keys: Collection[Any], optional: Collection[Any] = ()) -> dict[Any, Any]:
    """The entry, with all of ``keys`` and nothing but these and ``optional``. Raises: UserError otherwise."""
    entry = any_mapping(entry, place)
    for key in keys:
        if key not in entry:
            raise UserError(f"{place}: found no {key!r}, expected {', '.join(map(str, keys))}")
    for key in entry:
        if key not in {*keys, *optional}:
            raise UserError(f"{place}: found {show(key)}, expected {', '.join(map(str, [*keys, *optional]))}")
    return entry
