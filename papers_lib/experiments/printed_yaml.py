"""A YAML file of printed numbers, read strictly: what is missing, unknown or of the wrong kind is one line."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from papers_lib.errors import UserError


def load(path: Path) -> Any:
    """What YAML makes of the file. Raises: UserError for a file that cannot be read, or is no YAML."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name}: is not UTF-8 text ({error.reason})") from error
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "not YAML"
        raise UserError(f"{path.name}{f', line {mark.line + 1}' if mark else ''}: {problem}") from error


def any_mapping(entry: Any, place: str) -> dict[Any, Any]:
    """The entry itself. Raises: UserError if it is no mapping.

    >>> any_mapping([1], "text")
    Traceback (most recent call last):
    papers_lib.errors.UserError: text: found [1], expected a mapping
    """
    if not isinstance(entry, dict):
        raise UserError(f"{place}: found {entry!r}, expected a mapping")
    return entry


def mapping(entry: Any, place: str, keys: Collection[Any], optional: Collection[Any] = ()) -> dict[Any, Any]:
    """The entry, with all of ``keys`` and nothing but these and ``optional``. Raises: UserError otherwise."""
    entry = any_mapping(entry, place)
    for key in keys:
        if key not in entry:
            raise UserError(f"{place}: found no {key!r}, expected {', '.join(map(str, keys))}")
    for key in entry:
        if key not in {*keys, *optional}:
            raise UserError(f"{place}: found {key!r}, expected {', '.join(map(str, [*keys, *optional]))}")
    return entry
