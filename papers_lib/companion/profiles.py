"""Parameters of a notebook: what its ``parameters`` cell declares, and what a profile or an option sets.

papermill only warns about a name that the notebook does not have, and checks no types. Here an unknown, ill-typed or
senseless value stops the command before anything runs: by the paper's own ``Parameters`` (``SLUG/parameters.py``), or,
for a paper without one, by the types of the cell's values.
"""

import ast
import difflib
import importlib
import importlib.util
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papers_lib.companion import paths
from papers_lib.companion.parameters import NotebookParameters
from papers_lib.companion.yaml_files import PlainLoader, parse_yaml, read_yaml, show
from papers_lib.errors import UserError


class _Loader(PlainLoader):
    """YAML whose floats are those of Python: PyYAML alone reads ``1e-3`` (no point) as a string."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)


@dataclass(frozen=True)
class Parameter:
    """One assignment of the parameters cell: ``kind`` is ``int``, ``list[str]`` …, ``help`` the comment on its line."""

    name: str
    default: Any
    kind: str
    help: str = ""


def _kind(value: Any) -> str:
    """Type in words; "" for a value that no parameter can have."""
    if isinstance(value, list):
        kinds = {_kind(item) for item in value}
        kinds = {"float"} if kinds == {"int", "float"} else kinds
        return "list" if not kinds else f"list[{kinds.pop()}]" if len(kinds) == 1 and "" not in kinds else ""
    return type(value).__name__ if isinstance(value, bool | int | float | str) else ""


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook as plain JSON (nbformat takes a second to import).

    Raises:
        UserError: the file is missing or is no notebook.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
            cell["cell_type"] + "", tags(cell)
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path.name}: is not a notebook ({type(error).__name__}: {error})") from error
    return dict(notebook)


def tags(cell: Mapping[str, Any]) -> list[str]:
    """The tags of a notebook cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def declared(path: Path) -> dict[str, Parameter]:
    """The parameters of the notebook ``path``, in its order, as papermill finds them.

    Raises:
        UserError: it does not have exactly one code cell tagged ``parameters``, or a value there is no plain literal.
    """
    from papermill.translators import PythonTranslator

    cells = [c for c in read_notebook(path)["cells"] if c["cell_type"] == "code" and "parameters" in tags(c)]
    if len(cells) != 1:
        raise UserError(f"{path.name}: expected exactly one cell tagged parameters, found {len(cells)}")
    found = {}
    for one in PythonTranslator.inspect(cells[0]):
        try:
            value = ast.literal_eval(one.default)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            value = None
        if not _kind(value):
            raise UserError(
                f"{path.name}: parameters cell: {one.name}: found {_line(one.default)}, expected a literal "
                "(bool, int, float, str or a list of one of them)"
            )
        found[one.name] = Parameter(one.name, value, _kind(value), one.help)
    return found


def model(root: Path, slug: str) -> type[NotebookParameters] | None:
    """The paper's ``Parameters``, if its package has them."""
    paths.make_importable(root)
    importlib.invalidate_caches()  # `papers new` may just have written it
    if not slug.isidentifier() or not importlib.util.find_spec(slug):
        return None
    if not importlib.util.find_spec(f"{slug}.parameters"):
        return None
    found = getattr(importlib.import_module(f"{slug}.parameters"), "Parameters", None)
    return found if isinstance(found, type) and issubclass(found, NotebookParameters) else None


def _check(parameter: Parameter, value: Any) -> Any:
    """The value if it has the parameter's type (an int does for a float), else a UserError."""
    kind = _kind(value)
    if parameter.kind == "float" and kind == "int":
        return float(value)
    if parameter.kind == "list[float]" and kind == "list[int]":
        return [float(item) for item in value]
    empty = "list" in (kind, parameter.kind) and kind[:4] == parameter.kind[:4]
    if kind != parameter.kind and not empty:
        raise UserError(f"parameter {parameter.name} takes {parameter.kind}, found {show(value)}")
    return value


def _line(text: object) -> str:
    return " ".join(str(text).split())[:200]


def _known(name: Any, known: Mapping[str, Parameter], where: str) -> str:
    if name not in known:
        near = difflib.get_close_matches(str(name), known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise UserError(f"{where}: unknown parameter {_line(name)}; {hint}")
    return str(name)


def _overlay(root: Path, profile: str, slug: str) -> dict[str, Any]:
    path = paths.profile_path(root, profile)
    if not path.is_file() and profile == "quick":
        return {}
    content = read_yaml(path, _Loader) or {}
    if not isinstance(content, dict) or not isinstance(content.get(slug) or {}, dict):
        raise UserError(f"{path.name}: expected a mapping of slug to parameters, found otherwise at {slug}")
    return content.get(slug) or {}


def _setting(text: str, known: Mapping[str, Parameter], slug: str) -> tuple[str, Any]:
    """``name=value`` of ``--set``: the value is a YAML literal, for a str parameter its text as is."""
    name, equals, literal = text.partition("=")
    if not equals or not name:
        raise UserError(f"--set {_line(text)}: expected name=value")
    if name == "profile":
        raise UserError(f"--set {_line(text)}: the profile is chosen with --profile")
    _known(name, known, slug)
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
    """Every parameter of a notebook under a profile, checked.

    Later ones win: the parameters cell, ``notebooks/profiles/PROFILE.yaml``, ``options`` (--device, --jobs,
    --data-root), ``settings`` (``name=value`` strings of ``--set``). ``profile`` is set to the profile, and
    ``data_root`` and its like (``…_root``) made absolute, since the kernel works in another folder.

    Raises:
        UserError: a name that the notebook does not have, or a value that it cannot run with.
    """
    if profile not in paths.PROFILES:
        raise UserError(f"--profile {profile}: no such profile; there are {', '.join(paths.PROFILES)}")
    known = declared(paths.notebook_path(root, slug))
    given = [(f"{profile}.yaml, {slug}", _overlay(root, profile, slug)), (slug, dict(options or {}))]
    given += [(slug, dict(_setting(text, known, slug) for text in settings)), (slug, {"profile": profile})]
    values = {name: parameter.default for name, parameter in known.items()}
    for where, entries in given:
        values |= {_known(name, known, where): value for name, value in entries.items()}
    for name, value in values.items():
        if name.endswith("_root") and isinstance(value, str) and value:
            values[name] = str(Path(os.path.expanduser(value)).resolve())
    paper = model(root, slug)
    try:
        if paper is None:
            return {name: _check(known[name], value) for name, value in values.items()}
        return paper.of(values).model_dump()
    except UserError as error:
        raise UserError(f"{slug}: {error}") from error


def described(root: Path, slug: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Name, value, range and help of each parameter."""
    known, paper = declared(paths.notebook_path(root, slug)), model(root, slug)
    schema = paper.model_json_schema()["properties"] if paper else {}
    for name, value in values.items():
        entry = schema.get(name, {})
        yield (
            name,
            repr(value),
            _range(entry) if entry else known[name].kind,
            entry.get("description", known[name].help),
        )


def _range(entry: Mapping[str, Any]) -> str:
    """Type, choices and bounds of a field's JSON schema, in words.

    >>> _range({"type": "array", "items": {"enum": [1, 2]}}), _range({"type": "integer", "minimum": 1})
    ('list of 1, 2', 'integer >= 1')
    """
    if "anyOf" in entry:
        return " or ".join(_range(one) for one in entry["anyOf"])
    if entry.get("type") == "array":
        return f"list of {_range(entry.get('items', {}))}"
    if "enum" in entry or "const" in entry:
        return ", ".join(map(str, entry.get("enum", [entry.get("const")])))
    bounds = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    words = [f"{sign} {entry[key]:g}" for key, sign in bounds.items() if key in entry]
    return " ".join([str(entry.get("type", "any")), *words])
