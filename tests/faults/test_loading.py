"""Nothing of ours loads a file that could bring code with it; every row of docs/faults.md is a test here."""

import ast
import json
from pathlib import Path

import pytest

from tests.faults.table import rows

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {
    # Pickled by the parent process a moment ago, and received from it through a pipe.
    ("papers_lib/processes.py", "pickle.loads(order)"),
    # Its argument is a type[PlainLoader], as mypy checks.
    ("papers_lib/companion/yaml_files.py", "yaml.load(text, Loader=loader)"),
}
MODULES = {"torch", "numpy", "pickle", "joblib", "yaml", "cloudpickle", "dill", "marshal", "shelve"}
SAFE = {
    "torch.load": lambda said: "weights_only=True" in said,
    "np.load": lambda said: "allow_pickle" not in said or "allow_pickle=False" in said,
    "yaml.load": lambda said: "SafeLoader" in said,
}


def sources() -> dict[str, str]:
    """Text of each source file, and of each notebook's code, by name."""
    folders = (ROOT / name for name in ("papers_lib", "data_gen", "benchmarks", "notebooks"))
    paths = [path for folder in folders for path in folder.rglob("*.py")]
    found = {path: path.read_text(encoding="utf-8") for path in paths}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found[path] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return {path.relative_to(ROOT).as_posix(): text for path, text in found.items()}


def unsafe(text: str) -> list[str]:
    """The calls in a source that may run code found in a file, and imports that would hide such a call."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            found += [alias.name for alias in node.names if alias.name in ("load", "loads", "Unpickler")]
        elif isinstance(node, ast.Call):
            name, said = ast.unparse(node.func), ast.unparse(node)
            loads = name.partition(".")[0] in {*MODULES, "np"} and name.rpartition(".")[2] in (
                "load",
                "loads",
                "open",
            )
            if name in ("eval", "exec") or (loads and not SAFE.get(name, lambda said: False)(said)):
                found.append(said)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=trusted)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, Loader=yaml.Loader)",
        "pickle.loads(data)",
        "from torch import load",
    ],
)
def test_what_is_unsafe_is_found(text):
    assert unsafe(text)


def test_nothing_that_is_loaded_can_bring_code():
    assert {(name, call) for name, text in sources().items() for call in unsafe(text)} == ALLOWED


def test_every_row_of_the_page_is_provoked_once():
    tests = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    found = {name: sum(source.count(f'"{name}"') for source in tests) for name in rows()}
    assert set(found.values()) == {1}, found
