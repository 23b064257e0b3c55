"""Which code a result depends on: the import closure of a module, found by reading and never by importing.

Only ``papers_lib`` and ``data_gen`` are followed. Others count by their version (``library_versions``).
"""

import ast
import importlib.metadata
import platform
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from papers_lib.sweep.ast_digest import module_digest

OURS = ("papers_lib", "data_gen", "heatmap_loss", "cam_entropy", "pylon", "sibnet_calibration")
ROOT = Path(__file__).resolve().parents[2]  # the folder that holds both packages

# Import name → distribution. torch and numpy count for every run, the others where the closure imports them.
ALWAYS = ("torch", "numpy")
LIBRARIES = {
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "timm": "timm",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "PIL": "pillow",
}

Import = tuple[int, str, tuple[str, ...]]  # level of a relative import, module, imported names


def code_digest(modules: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """Digest of each source file that importing ``modules`` can run.

    A package appears as ``package.__init__``, with what that file itself imports: a submodule that nobody
    imports is not part of the closure. Imports inside functions count, those under ``if TYPE_CHECKING`` do
    not. Files are parsed once a process and again only after they changed on disk.

    Args:
        modules: dotted names; one outside of the two packages is found where it is loaded from.
        root: folder that holds the two packages.

    Returns:
        Module name → digest (``papers_lib.sweep.ast_digest.module_digest``), sorted by name.

    Raises:
        ValueError: a module has no Python source file.
        UserError: a file is not valid Python.
    """
    return {name: _scan(*_stamp(path))[0] for name, path in closure(modules, root).items()}


def library_versions(modules: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """Versions of Python (minor), torch, numpy and of those in ``LIBRARIES`` that the closure imports.

    Read from the installed metadata, so that nothing is imported. Python counts because the digests of
    ``ast_digest`` are comparable within one minor version only.
    """
    used = set(ALWAYS)
    for path in closure(modules, root).values():
        used |= {module.partition(".")[0] for level, module, _ in _scan(*_stamp(path))[1] if not level}
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for library in sorted(used & set(LIBRARIES)):
        versions[library] = _version(LIBRARIES[library])
    return versions


def loaded_before_change(modules: Iterable[str], started: float, root: Path = ROOT) -> list[str]:
    """Modules of the closure that this process has loaded and whose file changed after the time ``started``.

    Such a process may hold older code than the digest describes; a result of it must not be stored.
    """
    # Two seconds: start times of processes are computed from the uptime and are no more exact than that.
    return [
        name
        for name, path in closure(modules, root).items()
        if name.removesuffix(".__init__") in sys.modules and path.stat().st_mtime > started + 2
    ]


def closure(modules: Iterable[str], root: Path = ROOT) -> dict[str, Path]:
    """Source files of ``modules`` and of everything of ours that they import, directly or through others."""
    found: dict[str, Path] = {}
    seen: set[str] = set()
    waiting = list(modules)
    for module in waiting:
        if _source(module, root) is None:
            raise ValueError(
                f"module {module!r} has no Python source file; expected an importable .py module"
            )
    while waiting:
        module = waiting.pop()
        path = None if module in seen else _source(module, root)
        seen.add(module)
        if path is None:
            continue
        package = path.name == "__init__.py"
        found[f"{module}.__init__" if package else module] = path
        if module.partition(".")[0] in OURS and "." in module:  # importing a.b.c also runs a and a.b
            waiting.append(module.rpartition(".")[0])
        for target in _scan(*_stamp(path))[1]:
            waiting += [name for name in _absolute(target, module, package) if name.partition(".")[0] in OURS]
    return dict(sorted(found.items()))


def _absolute(target: Import, module: str, package: bool) -> list[str]:
    """Every module that an import of ``module`` may load; names of no module are dropped later."""
    level, base, names = target
    if level:
        here = module.split(".") if package else module.split(".")[:-1]
        base = ".".join([*here[: len(here) - level + 1], *([base] if base else [])])
    return [base, *(f"{base}.{name}" for name in names)]


def _source(module: str, root: Path) -> Path | None:
    folders = [root, root / "notebooks"]
    if module.partition(".")[0] not in OURS:
        loaded = getattr(sys.modules.get(module), "__file__", None)
        if loaded and loaded.endswith(".py"):
            return Path(loaded)
        folders += [Path(entry) for entry in sys.path]
    for folder in folders:
        base = folder.joinpath(*module.split("."))
        for path in (base / "__init__.py", base.parent / f"{base.name}.py"):
            if path.is_file():
                return path
    return None


def _stamp(path: Path) -> tuple[Path, int, int]:
    status = path.stat()
    return path, status.st_mtime_ns, status.st_size


@cache
def _scan(path: Path, mtime_ns: int, size: int) -> tuple[str, tuple[Import, ...]]:
    """Digest and imports of a file; its time and size are arguments so that a changed file is read again."""
    digest = module_digest(path)
    return digest, tuple(_imports(ast.parse(path.read_text(encoding="utf-8"))))


def _imports(node: ast.AST) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from ((0, alias.name, ()) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.level, node.module or "", tuple(alias.name for alias in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        for statement in node.orelse:
            yield from _imports(statement)
        return
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        yield from ((0, name, ()) for name in map(_literal, node.args[:1]) if not name.startswith("."))
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


def _literal(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@cache
def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
