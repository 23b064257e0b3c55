"""Imports point one way, and the core needs torch and numpy only: read from the syntax, nothing is imported."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ("papers_lib.losses", "papers_lib.metrics", "papers_lib.cams", "papers_lib.class_gradients")
UNDERNEATH = (*CORE, "papers_lib.models")
ABOVE = ("papers_lib.datasets", "papers_lib.experiments", "papers_lib.companion", "data_gen")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, package: str) -> set[str]:
    """Modules that the source names in an import, wherever it stands; relative ones made absolute."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found |= {stem} | {f"{stem}.{alias.name}" for alias in node.names}
    return found


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def package_of(path: Path) -> str:
    name = module_name(path)
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


FILES = sorted(p for top in ("papers_lib", "data_gen") for p in (ROOT / top).rglob("*.py"))
IMPORTS = {module_name(p): imports(p.read_text(encoding="utf-8"), package_of(p)) for p in FILES}


def select(packages: tuple[str, ...]) -> list[str]:
    return [name for name in IMPORTS if within(name, packages)]


@pytest.mark.parametrize("module", select(UNDERNEATH))
def test_what_lies_underneath_knows_nothing_above(module):
    assert [name for name in IMPORTS[module] if within(name, ABOVE)] == []


@pytest.mark.parametrize("module", select(CORE))
def test_the_core_needs_torch_and_numpy_only(module):
    own = ("papers_lib.errors", *CORE)
    foreign = [
        name
        for name in IMPORTS[module]
        if name != "papers_lib"
        and name.split(".")[0] not in {"torch", "numpy", *sys.stdlib_module_names}
        and not within(name, own)
    ]
    assert foreign == []


@pytest.mark.parametrize("module", select(("papers_lib.experiments", "data_gen", "papers_lib.datasets")))
def test_nothing_below_the_companion_imports_it(module):
    assert [name for name in IMPORTS[module] if within(name, ("papers_lib.companion",))] == []


@pytest.mark.parametrize("module", [module_name(p) for p in FILES if p.name == "__init__.py"])
def test_packages_export_nothing(module):
    """Else the digest of a run's code would cover every module of the package."""
    assert IMPORTS[module] == set()


def test_the_rules_apply_to_something():
    assert {"papers_lib.cams", "papers_lib.losses.heatmap", "papers_lib.metrics.overlap"} <= set(select(CORE))
    assert len([p for p in FILES if p.name == "__init__.py"]) >= 7


def test_imports_are_read_wherever_they_stand():
    source = "import os.path as p\ndef f():\n    from ..datasets import voc\n    from . import x\nfrom torch import nn"
    assert imports(source, "papers_lib.losses") == {
        "os.path",
        "papers_lib.datasets",
        "papers_lib.datasets.voc",
        "papers_lib.losses",
        "papers_lib.losses.x",
        "torch",
        "torch.nn",
    }
