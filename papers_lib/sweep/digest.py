"""Which code a result depends on, found by reading source files and never by importing them.

The run's module and what it imports, directly or through others, within its own package and ``papers_lib``. A name that
a package exports leads to the module that defines it.
"""

import ast
import hashlib
import importlib.metadata
import importlib.util
import inspect
import platform
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import psutil

from papers_lib.errors import UserError

ROOT = Path(__file__).resolve().parents[2]  # of the checkout
WITHOUT = tuple(f"papers_lib.{name}" for name in ("companion", "sweep", "files", "errors", "processes"))
"""What no result depends on."""
LIBRARIES = {"torch", "numpy", "scipy", "sklearn", "timm", "segmentation_models_pytorch", "PIL"}
"""Import names. torch and numpy count for every run, the others where its code imports them."""

STARTED = psutil.Process().create_time() + 2  # computed from the uptime, it is no more exact than that
Import = tuple[str, str, str]  # module, name in it ("" for the module itself, "*"), name that it gets


def code_digest(
    modules: Iterable[str], root: Path = ROOT, without: tuple[str, ...] = WITHOUT
) -> dict[str, str]:
    """Digest of each source file that ``modules`` (dotted names) need, by module name; see :func:`module_digest`."""
    return {name: module_digest(path) for name, path in closure(modules, root, without).items()}


def library_versions(modules: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """Versions of Python (minor: digests are comparable within one), torch, numpy and of the others in use."""
    used = {"torch", "numpy"}
    for name, path in closure(modules, root).items():
        used |= {module.partition(".")[0] for module, _, _ in _imports(name, path)}
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    return versions | {name: _version(name) for name in sorted(used & LIBRARIES)}


def module_digest(path: str | Path) -> str:
    """SHA-256 of the syntax tree of a Python file without docstrings and lines of progress (calls of ``say``)."""
    return _read(Path(path), Path(path).stat().st_mtime_ns)[0]


def closure(modules: Iterable[str], root: Path = ROOT, without: tuple[str, ...] = WITHOUT) -> dict[str, Path]:
    """Source files of ``modules`` and of all that they need, by module name, less what is ``without``."""
    given = list(modules)
    waiting, ours = list(given), {"papers_lib", *(module.partition(".")[0] for module in given)}
    found: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        path = _source(module, root)
        if path is None and module in given:
            raise ValueError(f"module {module!r} has no Python source file; expected an importable module")
        if path is None or module in found:
            continue
        found[module] = path
        for target, name, _ in _imports(module, path):
            needed = _defining(target, name, root) if target.partition(".")[0] in ours else []
            waiting += [one for one in needed if ".".join(one.split(".")[:2]) not in without]
    return dict(sorted(found.items()))


def changed_since(modules: Iterable[str], started: float = STARTED) -> list[str]:
    """Modules that this process holds, maybe in an older form than the digest describes: their file changed since."""
    sources = closure(modules).items()
    return [name for name, path in sources if name in sys.modules and path.stat().st_mtime > started]


def patched(modules: Iterable[str]) -> str | None:
    """The first function, constant or imported name of the code that is not what its source file says, or None."""
    for name, path in closure(modules).items():
        different = next(_differences(sys.modules[name], path), None) if name in sys.modules else None
        if different:
            return f"{name}.{different}"
    return None


def _differences(module: ModuleType, path: Path) -> Iterator[str]:
    written, tree = _compiled(path, path.stat().st_mtime_ns)
    for qualname, codes in written.items():
        held: Any = module
        for part in qualname.split("."):
            held = inspect.getattr_static(held, part, None)
        held = held.fget if isinstance(held, property) else getattr(held, "__func__", held)
        if held is not None and getattr(inspect.unwrap(held), "__code__", None) not in codes:
            yield qualname
    present = vars(module)
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [one.id for one in node.targets if isinstance(one, ast.Name) and one.id.isupper()]
            yield from (name for name in names if present.get(name) != node.value.value)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module in sys.modules:
            for alias in node.names:
                there = vars(sys.modules[node.module]).get(alias.name)
                if there is not None and present.get(alias.asname or alias.name) is not there:
                    yield alias.asname or alias.name


@cache
def _compiled(path: Path, mtime_ns: int) -> tuple[dict[str, list[CodeType]], ast.Module]:
    """Code of the functions of a module and of its classes, by qualified name (a list: ``if``), and its tree."""
    source, found = path.read_text(encoding="utf-8"), dict[str, list[CodeType]]()
    waiting: list[Any] = [compile(source, path, "exec", dont_inherit=True)]
    while waiting:
        for code in waiting.pop().co_consts:
            if isinstance(code, CodeType) and not code.co_name.startswith("<"):
                if code.co_flags & inspect.CO_OPTIMIZED:  # of a function, not the body of a class
                    found.setdefault(code.co_qualname, []).append(code)
                else:
                    waiting.append(code)
    return found, ast.parse(source)


def _defining(module: str, name: str, root: Path) -> list[str]:
    """Modules that ``from module import name`` needs: the one that defines it, if ``module`` is a package."""
    path = _source(module, root)
    if path is None or path.name != "__init__.py" or name in ("", "*"):
        return [module]
    exported = [one for one in _imports(module, path) if one[2] == name and one[:2] != (module, name)]
    if exported:
        return [one for at, of, _ in exported for one in _defining(at, of, root)]
    inside = f"{module}.{name}"
    return [inside if _source(inside, root) else module]


def _source(module: str, root: Path) -> Path | None:
    for folder in (root, root / "notebooks", *map(Path, sys.path)):
        base = folder.joinpath(*module.split("."))
        for path in (base / "__init__.py", base.parent / f"{base.name}.py"):
            if path.is_file():
                return path
    loaded = getattr(sys.modules.get(module), "__file__", None)
    return Path(loaded) if loaded and loaded.endswith(".py") else None


def _imports(module: str, path: Path) -> list[Import]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = _read(path, path.stat().st_mtime_ns)[1]
    return [(importlib.util.resolve_name(target, package), name, bound) for target, name, bound in found]


@cache
def _read(path: Path, mtime_ns: int) -> tuple[str, list[Import]]:
    """Digest and imports of a file; its time is an argument so that a changed file is read again."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes
        raise UserError(f"{path}: is not valid Python ({error})") from error
    imports = list[Import]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(alias.name, "", alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            target = "." * node.level + (node.module or "")
            imports += [(target, alias.name, alias.asname or alias.name) for alias in node.names]
        for name in ("body", "orelse", "finalbody"):
            if isinstance(lines := getattr(node, name, None), list):
                setattr(node, name, [line for line in lines if not _is_prose(line)])
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports


def _is_prose(line: ast.stmt) -> bool:
    """Whether it is a docstring or a line of progress."""
    value = line.value if isinstance(line, ast.Expr) else None
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "say"
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


@cache
def _version(name: str) -> str:
    try:
        return importlib.metadata.version({"sklearn": "scikit-learn", "PIL": "pillow"}.get(name, name))
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
