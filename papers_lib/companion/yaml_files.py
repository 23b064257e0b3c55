"""YAML files of a checkout (claims, profiles, printed numbers), read strictly: each slip is one line with its place."""

from pathlib import Path
from typing import Any

import yaml

from papers_lib.errors import UserError


class PlainLoader(yaml.SafeLoader):
    """Refuses an alias, with which a short file unfolds to any size, and a key given twice, of which YAML keeps one."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _refused("found an alias, expected the value itself", self.peek_event())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):  # yaml itself refuses others
                if key.value in seen:
                    raise _refused(f"key {key.value!r} twice", key)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _refused(problem: str, at: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


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
    except (
        Exception
    ) as error:  # yaml's constructors raise ValueError, KeyError, AttributeError, RecursionError …
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f", line {mark.line + 1}" if mark else ""
        said = problem or f"not plain YAML ({type(error).__name__}: {error})"
        raise UserError(f"{place}{line}: {' '.join(said.split())[:200]}") from error


def show(value: Any) -> str:
    """A value as an error shows it, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
