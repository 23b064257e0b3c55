"""Parameters of a notebook: what its ``parameters`` cell declares, and what a profile or an option sets.

papermill only warns about a name that the notebook does not have, and checks no types. Here an unknown or
ill-typed parameter stops the command before anything runs.
"""

import ast
import io
import json
import os
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papers_lib.companion import paths
from papers_lib.companion.yaml_files import PlainLoader, parse_yaml, read_yaml, show
from papers_lib.errors import UserError

_SCALARS = (bool, int, float, str)  # bool first: it is an int to isinstance


class _Loader(PlainLoader):
    """YAML whose floats are those of Python: PyYAML alone reads ``1e-3`` (no point) as a string."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)


@dataclass(frozen=True)
class Parameter:
    """One assignment of the parameters cell.

    Attributes:
        name: the variable.
        default: its literal.
        kind: ``bool``, ``int``, ``float``, ``str``, ``list`` (of anything, when empty) or ``list[int]`` …
        help: the comment on its line.
    """

    name: str
    default: Any
    kind: str
    help: str = ""


def _kind(value: Any) -> str | None:
    """Type of a parameter in words; None for a value that no parameter can have."""
    if isinstance(value, list):
        kinds = {_kind(item) for item in value}
        if kinds == {"int", "float"}:
            kinds = {"float"}
        return f"list[{kinds.pop()}]" if len(kinds) == 1 and None not in kinds else None if kinds else "list"
    return next((scalar.__name__ for scalar in _SCALARS if type(value) is scalar), None)


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


def parse_cell(source: str, where: str) -> dict[str, Parameter]:
    """The parameters that a cell declares, in its order.

    Args:
        source: assignments of literals to single names; a comment on the line is the parameter's help.
        where: names the notebook in errors.

    Raises:
        UserError: not Python, or a statement that is not such an assignment.

    >>> parse_cell("epochs = 5  # passes over the data", "toy")["epochs"]
    Parameter(name='epochs', default=5, kind='int', help='passes over the data')
    """
    try:
        body, comments = ast.parse(source).body, _comments(source)
    except SyntaxError as error:
        raise UserError(f"{where}: parameters cell, line {error.lineno}: {error.msg}") from error
    except (ValueError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise UserError(f"{where}: parameters cell: is not Python ({_line(error)})") from error
    found: dict[str, Parameter] = {}
    for node in body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring-like note
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        value = getattr(node, "value", None)
        try:
            default = ast.literal_eval(value) if value is not None else None
        except (ValueError, TypeError, RecursionError, MemoryError):
            default = None
        kind = _kind(default)
        if len(targets) != 1 or not isinstance(targets[0], ast.Name) or kind is None:
            raise UserError(
                f"{where}: parameters cell, line {node.lineno}: expected name = literal (bool, int, float, "
                f"str or a list of one of them), found {_line(ast.unparse(node))}"
            )
        name = targets[0].id
        found[name] = Parameter(name, default, kind, comments.get(node.end_lineno or node.lineno, ""))
    return found


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook as plain JSON (nbformat takes a second to import).

    Raises:
        UserError: the file is missing or is no notebook.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = notebook["cells"]
        for cell in cells:
            if isinstance(cell["source"], list):
                cell["source"] = "".join(cell["source"])
            if not isinstance(cell["source"], str) or not isinstance(cell["cell_type"], str):
                raise TypeError("cell_type, source: expected texts")
            list(cell.get("metadata", {}).get("tags", []))
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path.name}: is not a notebook ({type(error).__name__}: {error})") from error
    return notebook


def tags(cell: Mapping[str, Any]) -> list[str]:
    """The tags of a notebook cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def declared(path: Path) -> dict[str, Parameter]:
    """The parameters of the notebook ``path``.

    Raises:
        UserError: it does not have exactly one code cell tagged ``parameters``, or that cell is not plain.
    """
    cells = [c for c in read_notebook(path)["cells"] if c["cell_type"] == "code" and "parameters" in tags(c)]
    if len(cells) != 1:
        raise UserError(f"{path.name}: expected exactly one cell tagged parameters, found {len(cells)}")
    return parse_cell(cells[0]["source"], path.name)


def check(parameter: Parameter, value: Any, where: str) -> Any:
    """``value`` if it has the parameter's type (an int does for a float), else a UserError."""
    if parameter.kind == "float" and type(value) is int:
        return float(value)
    if parameter.kind == "list[float]" and _kind(value) in ("list[int]", "list[float]"):
        return [float(item) for item in value]
    kind = _kind(value)
    either_empty = isinstance(value, list) and "list" in (kind, parameter.kind)
    if kind is None or (kind != parameter.kind and not (either_empty and parameter.kind.startswith("list"))):
        found = type(value).__name__ if kind is None else kind
        raise UserError(
            f"{where}: parameter {parameter.name} takes {parameter.kind}, found {show(value)} ({found})"
        )
    return value


def _line(text: object) -> str:
    return " ".join(str(text).split())[:200]


def _unknown(name: str, known: Mapping[str, Parameter], where: str) -> UserError:
    listing = ", ".join(f"{p.name} ({p.kind})" for p in known.values())
    return UserError(f"{where}: unknown parameter {_line(name)}; there are {listing}")


def _overlay(root: Path, profile: str, slug: str) -> dict[str, Any]:
    path = paths.profile_path(root, profile)
    if not path.is_file():
        if profile == "quick":
            return {}
        raise UserError(f"{path.name}: profile {profile} has no file in notebooks/profiles")
    content = read_yaml(path, _Loader) or {}
    if not isinstance(content, dict) or not isinstance(content.get(slug) or {}, dict):
        raise UserError(f"{path.name}: expected a mapping of slug to parameters, found otherwise at {slug}")
    return content.get(slug) or {}


def parse_setting(text: str, known: Mapping[str, Parameter], where: str) -> tuple[str, Any]:
    """``name=value`` of ``--set``: the value is a YAML literal, for a str parameter its text as is."""
    name, equals, literal = text.partition("=")
    if not equals or not name:
        raise UserError(f"--set {_line(text)}: expected name=value")
    if name == "profile":
        raise UserError(f"--set {_line(text)}: the profile is chosen with --profile")
    if name not in known:
        raise _unknown(name, known, where)
    try:
        value = parse_yaml(literal, name, _Loader)
    except UserError as error:
        raise UserError(f"--set {_line(text)}: the value is not a YAML literal ({error})") from error
    return name, literal if known[name].kind == "str" and not isinstance(value, str) else value


def resolve(
    root: Path,
    slug: str,
    profile: str,
    options: Mapping[str, Any] | None = None,
    settings: Iterable[str] = (),
) -> dict[str, Any]:
    """Every parameter of a notebook under a profile, validated.

    Later ones win: the parameters cell, ``notebooks/profiles/PROFILE.yaml``, ``options`` (--device, --jobs,
    --data-root), ``settings`` (``name=value`` strings of ``--set``). ``profile`` is set to the profile, and
    ``data_root`` and its like (``…_root``) made absolute, since the kernel works in another folder.

    Raises:
        UserError: a name that the notebook does not have, or a value of another type.
    """
    if profile not in paths.PROFILES:
        raise UserError(f"--profile {profile}: no such profile; there are {', '.join(paths.PROFILES)}")
    notebook = paths.notebook_path(root, slug)
    known = declared(notebook)
    given = [(f"{profile}.yaml, {slug}", _overlay(root, profile, slug)), (slug, dict(options or {}))]
    given.append((slug, dict(parse_setting(text, known, slug) for text in settings)))
    values = {name: parameter.default for name, parameter in known.items()}
    for where, entries in [*given, (notebook.name, {"profile": profile})]:
        for name, value in entries.items():
            if name not in known:
                raise _unknown(name, known, where)
            values[name] = check(known[name], value, where)
    for name, value in values.items():
        if name.endswith("_root") and isinstance(value, str) and value:
            values[name] = str(Path(os.path.expanduser(value)).resolve())
    return values
