"""YAML files of a checkout (claims, profiles, printed numbers), read strictly: each slip is one line with its place."""

from pathlib import Path
from typing import Any

import yaml

from papers_lib.errors import UserError


class PlainLoader(yaml.SafeLoader):
    """Refuses an alias, with which a short file unfolds to any size, and a key given twice, of which YAML keeps one."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="found an alias, expected the value itself", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for at, (key, _) in enumerate(node.value):
            if key.value in keys[:at]:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} twice", problem_mark=key.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, loader: type[PlainLoader] = PlainLoader) -> Any:
    """What the file holds; None if nothing. Raises: UserError, for a file that cannot be read or is no plain YAML."""
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), path.name, loader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name}: is not UTF-8 text ({error.reason})") from error


def parse_yaml(text: str, place: str, loader: type[PlainLoader] = PlainLoader) -> Any:
    """What ``text`` says. Raises: UserError, which begins with ``place``, for what is no plain YAML."""
    try:
        return yaml.load(text, Loader=loader)
    except Exception as error:  # yaml's constructors raise KeyError, RecursionError …
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f", line {mark.line + 1}" if mark else ""
        said = problem or f"not plain YAML ({type(error).__name__}: {error})"
        raise UserError(f"{place}{line}: {' '.join(said.split())[:200]}") from error


def show(value: Any) -> str:
    """A value as an error shows it, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
