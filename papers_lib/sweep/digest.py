"""Which code a result depends on, found by reading source files and never by importing them.

The digest of a run covers the module that defines it and what that imports, directly or through others, within its own
package and within ``papers_lib``. A name that a package exports leads to the module that defines it.
"""

import ast
import hashlib
import importlib.metadata
import inspect
import platform
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

from papers_lib.errors import UserError

ROOT = Path(__file__).resolve().parents[2]  # of the checkout
WITHOUT = ("companion", "sweep", "files", "errors", "processes")
"""Parts of ``papers_lib`` that no result depends on."""
LIBRARIES = {
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "timm": "timm",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "PIL": "pillow",
}
"""Import name → distribution. torch and numpy count for every run, the others where its code imports them."""
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

Import = tuple[str, str, str]  # module, name in it ("" for the module itself, "*"), name that it gets


def code_digest(
    modules: Iterable[str], root: Path = ROOT, without: tuple[str, ...] = WITHOUT
) -> dict[str, str]:
    """Digest of each source file that ``modules`` need, by module name; see :func:`module_digest`.

    Imports inside functions count, those under ``if TYPE_CHECKING`` do not.

    Args:
        modules: dotted names; one that is not in the checkout is found where it is loaded from.
        root: of the checkout.
        without: parts of ``papers_lib`` that are not followed.

    Raises:
        ValueError: a module has no Python source file.
        UserError: a file is not valid Python.
    """
    return {name: module_digest(path) for name, path in closure(modules, root, without).items()}


def library_versions(modules: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """Versions of Python (minor: digests are comparable within one), torch, numpy and of the others in use."""
    used = {"torch", "numpy"}
    for name, path in closure(modules, root).items():
        used |= {module.partition(".")[0] for module, _, _ in _imports_of(name, path)}
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    return versions | {name: _version(LIBRARIES[name]) for name in sorted(used & LIBRARIES.keys())}


def module_digest(path: str | Path) -> str:
    """SHA-256 of the syntax tree of a Python file without docstrings and lines of progress (calls of ``say``).

    Comments, blank lines and quotes make no difference; any change of a name, number or string does.

    Raises:
        UserError: the file cannot be read or is not Python.
    """
    return _read(*_stamp(Path(path)))[0]


def closure(modules: Iterable[str], root: Path = ROOT, without: tuple[str, ...] = WITHOUT) -> dict[str, Path]:
    """Source files of ``modules`` and of all that they need, by module name."""
    waiting = list(modules)
    ours = {"papers_lib", *(module.partition(".")[0] for module in waiting)}
    for module in waiting:
        if _source(module, root) is None:
            raise ValueError(f"module {module!r} has no Python source file; expected an importable module")
    found: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        path = _source(module, root)
        if module in found or path is None:
            continue
        found[module] = path
        for target, name, _ in _imports_of(module, path):
            needed = _defining(target, name, root) if target.partition(".")[0] in ours else []
            waiting += [
                one for one in needed if one.split(".")[:2] not in [["papers_lib", w] for w in without]
            ]
    return dict(sorted(found.items()))


def changed_since(modules: Iterable[str], started: float) -> list[str]:
    """Modules that this process has loaded, and whose file changed after the time ``started``.

    Such a process may hold older code than the digest describes; a result of it must not be stored.
    """
    # Two seconds: start times of processes are computed from the uptime and are no more exact than that.
    sources = closure(modules).items()
    return [name for name, path in sources if name in sys.modules and path.stat().st_mtime > started + 2]


def patched(modules: Iterable[str]) -> str | None:
    """The first function, constant or imported name of the code that is not what its source file says, or None.

    Files must be those that this process loaded; see :func:`changed_since`.
    """
    for name, path in closure(modules).items():
        module = sys.modules.get(name)
        different = next(_differences(vars(module), path), None) if module else None
        if different:
            return f"{name}.{different}"
    return None


def _differences(present: dict[str, Any], path: Path) -> Iterator[str]:
    written, tree = _compiled(*_stamp(path))
    for qualname, codes in written.items():
        held: Any = present.get(qualname.partition(".")[0])
        for part in qualname.split(".")[1:]:
            held = vars(held).get(part) if isinstance(held, type) else None
        held = held.fget if isinstance(held, property) else getattr(held, "__func__", held)
        if held is not None and getattr(inspect.unwrap(held), "__code__", None) not in codes:
            yield qualname
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
def _compiled(path: Path, mtime_ns: int, size: int) -> tuple[dict[str, list[CodeType]], ast.Module]:
    source, found = path.read_text(encoding="utf-8"), dict[str, list[CodeType]]()
    _codes(compile(source, path, "exec", dont_inherit=True), found)
    return found, ast.parse(source)


def _codes(code: CodeType, found: dict[str, list[CodeType]]) -> None:
    """Code of the functions of a module and of its classes, by qualified name; one may be defined more than once."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and not constant.co_name.startswith("<"):
            if constant.co_flags & inspect.CO_OPTIMIZED:  # of a function, not the body of a class
                found.setdefault(constant.co_qualname, []).append(constant)
            else:
                _codes(constant, found)


def _defining(module: str, name: str, root: Path) -> list[str]:
    """Modules that ``from module import name`` needs: the one that defines it, if ``module`` is a package."""
    path = _source(module, root)
    if path is None or path.name != "__init__.py" or name in ("", "*"):
        return [module]
    exported = [
        (at, of)
        for at, of, bound in _imports_of(module, path)
        if bound == name and (at, of) != (module, name)
    ]
    if exported:
        return [one for at, of in exported for one in _defining(at, of, root)]
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


def _imports_of(module: str, path: Path) -> list[Import]:
    parts = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    return [
        (".".join([*parts[: len(parts) + 1 - level], *([target] if target else [])]), name, bound)
        if level
        else (target, name, bound)
        for level, target, name, bound in _read(*_stamp(path))[1]
    ]


def _stamp(path: Path) -> tuple[Path, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(f"{path}: cannot be read as source code ({error})") from error
    return path, status.st_mtime_ns, status.st_size


@cache
def _read(path: Path, mtime_ns: int, size: int) -> tuple[str, tuple[tuple[int, str, str, str], ...]]:
    """Digest and imports of a file; its time and size are arguments so that a changed file is read again."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as source code ({error})") from error
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes
        raise UserError(f"{path}: is not valid Python ({error})") from error
    imports = tuple(_imports(tree))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        for name in ("body", "orelse", "finalbody"):
            if isinstance(lines := getattr(node, name, None), list):
                setattr(node, name, [line for line in lines if not _is_progress(line)])
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports


def _is_progress(line: ast.stmt) -> bool:
    call = line.value if isinstance(line, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "say"


def _imports(node: ast.AST) -> Iterator[tuple[int, str, str, str]]:
    """Level, module, name and bound name of each import."""
    if isinstance(node, ast.Import):
        yield from ((0, alias.name, "", alias.asname or alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield node.level, node.module or "", alias.name, alias.asname or alias.name
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        for statement in node.orelse:
            yield from _imports(statement)
        return
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
        first = node.args[0]
        if (
            isinstance(first, ast.Constant)
            and isinstance(first.value, str)
            and not first.value.startswith(".")
        ):
            yield 0, first.value, "", first.value
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


@cache
def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
