"""Parameters of a notebook: one pydantic model says types, ranges, choices and help.

``notebooks/SLUG/parameters.py`` declares ``class Parameters(NotebookParameters)``; a notebook without one gets a model
from the values of its ``parameters`` cell. ``papers run`` checks before anything starts, the notebook's first cell
(``Parameters.of(globals())``) once more.
"""

import ast
import difflib
import importlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from papers_lib.companion import paths
from papers_lib.companion.yaml_files import PlainLoader, parse_yaml, read_yaml
from papers_lib.errors import UserError


class _Loader(PlainLoader):
    """YAML whose floats are those of Python: PyYAML alone reads ``1e-3`` (no point) as a string."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)


class NotebookParameters(BaseModel):
    """The parameters that every notebook has."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    profile: str = Field(description="name of the profile")
    device: Literal["auto", "cpu", "cuda"] = Field(description="auto, cpu or cuda")
    jobs: int = Field(
        ge=0, description="processes; 0: one a physical core on the CPU, as many as fit on a GPU"
    )
    data_root: str = Field(description="folder of a real data set; empty: synthetic data")

    @classmethod
    def of(cls, names: Mapping[str, Any]) -> Self:
        """The parameters among a notebook's names (``globals()``; functions, modules and CONSTANTS are none), checked.

        Raises: UserError, an unknown name, a missing one, or a value out of its type, range or choices.
        """
        given = {
            name: value
            for name, value in names.items()
            if not (name.startswith("_") or name.isupper() or name in ("In", "Out") or callable(value))
            and not isinstance(value, ModuleType)
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise UserError(cls._line(error)) from error

    def shortened(self) -> Self:
        """The same grid at the least sizes (few images, one seed, one epoch), for the dry run."""
        raise NotImplementedError(f"{type(self).__module__}: Parameters has no shortened()")

    @classmethod
    def _line(cls, error: ValidationError) -> str:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            return f"parameter {name}: unknown; {_hint(name, cls.model_fields)}"
        if first["type"] == "value_error":
            return " ".join(str(first["ctx"]["error"]).split())
        found = "" if first["type"] == "missing" else f" (found {repr(first['input'])[:80]})"
        return f"parameter {name}: {first['msg']}{found}"


def _hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook as plain JSON (nbformat takes a second to import). Raises: UserError, it is missing or is none."""
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


def declared(path: Path) -> dict[str, Any]:
    """The parameters of the notebook ``path`` as papermill finds them: ``name``, ``default`` (its value) and ``help``.

    Raises: UserError, not exactly one code cell is tagged ``parameters``, or a value there is no plain literal.
    """
    from papermill.translators import PythonTranslator

    cells = [c for c in read_notebook(path)["cells"] if c["cell_type"] == "code" and "parameters" in tags(c)]
    if len(cells) != 1:
        raise UserError(f"{path.name}: expected exactly one cell tagged parameters, found {len(cells)}")
    found = {}
    for one in PythonTranslator.inspect(cells[0]):
        try:
            value = ast.literal_eval(one.default)
            json.dumps(value, allow_nan=False)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
            text = f"{one.name}: found {' '.join(one.default.split())[:200]}, expected a literal"
            raise UserError(
                f"{path.name}: parameters cell: {text} (bool, int, float, str or a list of them)"
            ) from error
        found[one.name] = one._replace(default=value)
    return found


def model(root: Path, slug: str) -> type[NotebookParameters]:
    """The paper's ``Parameters`` in this checkout, else one with the types of the notebook's values."""
    if (root / "notebooks" / slug / "parameters.py").is_file():
        paths.make_importable(root)
        importlib.invalidate_caches()  # `papers new` may just have written it
        found: type[NotebookParameters] = importlib.import_module(f"{slug}.parameters").Parameters
        return found
    known = declared(paths.notebook_path(root, slug)).items()
    fields: Any = {
        name: (type(one.default), Field(description=one.help))
        for name, one in known
        if name not in NotebookParameters.model_fields
    }
    return create_model("Parameters", __base__=NotebookParameters, **fields)


def resolve(
    root: Path, slug: str, profile: str,
    options: Mapping[str, Any] | None = None, settings: Iterable[str] = (),
) -> NotebookParameters:  # fmt: skip
    """The parameters of a notebook under a profile, checked.

    Later ones win: the parameters cell, ``notebooks/profiles/PROFILE.yaml``, ``options`` (--device, --jobs,
    --data-root), ``settings`` (``name=value`` strings of ``--set``). ``data_root`` and its like (``…_root``) are made
    absolute, since the kernel works in another folder. Raises: UserError, an unknown name, a value that cannot be.
    """
    values = {name: one.default for name, one in declared(paths.notebook_path(root, slug)).items()}
    given = dict(_setting(text, values) for text in settings)
    for where, entries in ((f"{profile}.yaml, {slug}", _overlay(root, profile, slug)),
                           (slug, {**(options or {}), **given, "profile": profile})):  # fmt: skip
        for name, value in entries.items():
            if name not in values:
                word = " ".join(str(name).split())[:200]
                raise UserError(f"{where}: unknown parameter {word}; {_hint(word, values)}")
            is_folder = name.endswith("_root") and isinstance(value, str) and value
            values[name] = str(Path(os.path.expanduser(value)).resolve()) if is_folder else value
    try:
        return model(root, slug).of(values)
    except UserError as error:
        raise UserError(f"{slug}: {error}") from error


def _overlay(root: Path, profile: str, slug: str) -> dict[str, Any]:
    path = paths.profile_path(root, profile)
    if profile == "quick" and not path.is_file():
        return {}
    content = read_yaml(path, _Loader) or {}
    if not isinstance(content, dict) or not isinstance(content.get(slug) or {}, dict):
        raise UserError(f"{path.name}: expected a mapping of slug to parameters, found otherwise at {slug}")
    return content.get(slug) or {}


def _setting(text: str, values: Mapping[str, Any]) -> tuple[str, Any]:
    """``name=value`` of ``--set``: the value is a YAML literal, for a str parameter its text as is."""
    name, equals, literal = text.partition("=")
    said = f"--set {' '.join(text.split())[:200]}"
    if not equals or not name:
        raise UserError(f"{said}: expected name=value")
    if name == "profile":
        raise UserError(f"{said}: the profile is chosen with --profile")
    try:
        value = parse_yaml(literal, name, _Loader)
    except UserError as error:
        raise UserError(f"{said}: the value is not a YAML literal ({error})") from error
    return name, literal if isinstance(values.get(name), str) else value


def plan_of(slug: str, chosen: NotebookParameters) -> list[Any]:
    """All runs of a paper, part by part: ``SLUG.grid.plan(chosen)``."""
    return list(importlib.import_module(f"{slug}.grid").plan(chosen))


def described(chosen: NotebookParameters) -> Iterator[tuple[str, str, str, str]]:
    """Name, value, type with bounds and choices (as JSON schema has them), and help of each parameter."""
    for name, entry in type(chosen).model_json_schema()["properties"].items():
        told = {key: value for key, value in entry.items() if key not in ("title", "description")}
        words = ", ".join(
            f"{value}" if key in ("type", "enum") else f"{key} {value}" for key, value in told.items()
        )
        yield name, repr(getattr(chosen, name)), words, entry.get("description", "")
