"""Imports point one way, and the core needs torch and numpy only: read from the syntax, nothing is imported."""

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAPERS = sorted(path.parent.name for path in (ROOT / "notebooks").glob("*/experiment.py"))
CORE = (
    "papers_lib.cams",
    "papers_lib.losses",
    "papers_lib.metrics",
    "papers_lib.stats",
)
BASE = ("papers_lib.errors", "papers_lib.files", "papers_lib.processes")
# What each package may import of ours, beside itself; nothing stands above what imports it.
BELOW: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CORE, (*CORE, *BASE)),
    "papers_lib.models": (*CORE, *BASE),
    "papers_lib.datasets": BASE,
    "papers_lib.plots": BASE,
    "papers_lib.sweep": BASE,
    "papers_lib.training": (*CORE, "papers_lib.models", "papers_lib.datasets", "papers_lib.sweep", *BASE),
    "papers_lib.companion": (
        "papers_lib.plots",
        "papers_lib.stats",
        "papers_lib.datasets",
        "papers_lib.sweep",
        "papers_lib.training",
        *BASE,
    ),
    "data_gen": ("papers_lib.datasets", "papers_lib.sweep", *BASE),
    **dict.fromkeys(PAPERS, ("papers_lib", "data_gen")),
}  # fmt: skip


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "notebooks" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(nodes: Iterable[ast.AST], package: str) -> Iterator[str]:
    """Modules that the nodes name in an import; relative ones made absolute."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            stem = ".".join([*above, *([node.module] if node.module else [])])
            yield from ([stem] if stem not in ("", "papers_lib") else [])
            yield from (f"{stem}.{alias.name}" for alias in node.names if stem == "papers_lib")


def within(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


FILES = sorted(p for top in ("papers_lib", "data_gen", "notebooks") for p in (ROOT / top).rglob("*.py"))
TREES = {module_name(p): ast.parse(p.read_text(encoding="utf-8")) for p in FILES if "example" not in p.parts}


def select(*packages: str) -> list[str]:
    return [name for name in TREES if within(name, packages)]


@pytest.mark.parametrize("package", BELOW)
def test_imports_of_ours_point_downwards(package):
    ours = ("papers_lib", "data_gen", *PAPERS)
    wrong = [
        f"{module} imports {found}"
        for module in select(package)
        for found in imports(ast.walk(TREES[module]), module.rpartition(".")[0] or module)
        if within(found, ours) and not within(found, (package, *BELOW[package]))
    ]
    assert wrong == []


@pytest.mark.parametrize("module", [one for one in select(*CORE) if one != "papers_lib.stats"])
def test_the_core_needs_torch_and_numpy_only_to_be_imported(module):
    foreign = [
        found
        for found in imports(TREES[module].body, module.rpartition(".")[0])
        if found.split(".")[0] not in {"torch", "numpy", "papers_lib", *sys.stdlib_module_names}
    ]
    assert foreign == []


def test_the_rules_apply_to_something():
    assert PAPERS == ["cam_entropy", "heatmap_loss", "pylon", "sibnet_calibration"]
    assert all(select(package) for package in BELOW)
    assert set(TREES) == {"papers_lib", "papers_lib.torchvision_ops", *select(*BELOW, *BASE)}
    assert "papers_lib.files" in imports(ast.walk(TREES["papers_lib.sweep.core"]), "papers_lib.sweep")
