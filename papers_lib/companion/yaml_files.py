"""YAML files of a checkout (claims, profiles, printed numbers), read strictly: each slip is one line with its place."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from papers_lib.errors import UserError

LARGEST = 10**300


class PlainLoader(yaml.SafeLoader):
    """Values as they stand. Refused are an alias, with which a short file unfolds to any size, a key given twice, of
    which plain YAML silently keeps the last, and a whole number that is too large for a float.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            problem = f"found the alias *{event.anchor}, expected the value itself"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # refused below, as a key of a mapping must be
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _whole_number(loader: PlainLoader, node: yaml.ScalarNode) -> int:
    value = int(loader.construct_yaml_int(node))
    if abs(value) > LARGEST:
        problem = f"found a number of {len(str(abs(value)))} digits, expected fewer"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    return value


PlainLoader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def read_yaml(path: Path, loader: type[PlainLoader] = PlainLoader) -> Any:
    """What the file holds; None if nothing.

    Raises:
        UserError: it cannot be read, is no UTF-8 or no YAML, or a value in it is none of its kind (a number of 5000
            digits, a date in month 13); the line names the file, and the line where it is known.
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), path.name, loader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name}: is not UTF-8 text ({error.reason})") from error


def parse_yaml(text: str, place: str, loader: type[PlainLoader] = PlainLoader) -> Any:
    """What ``text`` says. Raises: UserError, which begins with ``place``, for what is no YAML.

    >>> parse_yaml("a: [1, 2.5]", "x.yaml")
    {'a': [1, 2.5]}
    """
    try:
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "not YAML"
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{place}{where}: {_line(problem)}") from error
    except RecursionError as error:
        raise UserError(f"{place}: nested too deep, expected plain values") from error
    except Exception as error:  # its constructors raise ValueError, KeyError, AttributeError, IndexError …
        raise UserError(f"{place}: not YAML ({_line(f'{type(error).__name__}: {error}')})") from error


def show(value: Any) -> str:
    """A value as an error shows it, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def any_mapping(entry: Any, place: str) -> dict[Any, Any]:
    """The entry itself. Raises: UserError if it is no mapping."""
    if not isinstance(entry, dict):
        raise UserError(f"{place}: found {show(entry)}, expected a mapping")
    return entry


def mapping(entry: Any, place: str, keys: Collection[Any], optional: Collection[Any] = ()) -> dict[Any, Any]:
    """The entry, with all of ``keys`` and nothing but these and ``optional``. Raises: UserError otherwise."""
    entry = any_mapping(entry, place)
    if absent := [key for key in keys if key not in entry]:
        raise UserError(f"{place}: found no {absent[0]!r}, expected {', '.join(map(str, keys))}")
    if unknown := [key for key in entry if key not in {*keys, *optional}]:
        raise UserError(
            f"{place}: found {show(unknown[0])}, expected {', '.join(map(str, [*keys, *optional]))}"
        )
    return entry
