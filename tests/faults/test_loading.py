"""Nothing of ours loads a file that could bring code with it; found by reading the sources."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {
    # Pickled by the parent process a moment ago, and received from it through a pipe.
    ("papers_lib/processes.py", "pickle.loads(order)"),
    # Its argument is a type[PlainLoader], as mypy checks.
    ("papers_lib/companion/yaml_files.py", "yaml.load(text, Loader=loader)"),
}
NEVER = {
    *("eval", "exec", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "pd.read_pickle"),
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load", "marshal.loads", "shelve.open"),
    *("cloudpickle.load", "cloudpickle.loads", "dill.load", "dill.loads", "torch.jit.load", "torch.hub.load"),
}


def sources() -> Iterator[tuple[str, str]]:
    """Name and text of each source file, and of each notebook's code."""
    for folder in ("papers_lib", "data_gen", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        yield path.relative_to(ROOT).as_posix(), "\n".join(code)


@cache
def parsed(text: str) -> ast.Module:
    """The syntax tree of a source, made once for all tests."""
    return ast.parse(text)


def safe_loaders(texts: list[str]) -> set[str]:
    """Names of the YAML loaders that make plain values only: PyYAML's own, and the classes made of them."""
    found = {"yaml.SafeLoader", "yaml.CSafeLoader", "getattr(yaml, 'CSafeLoader', yaml.SafeLoader)"}
    classes = [node for text in texts for node in ast.walk(parsed(text)) if isinstance(node, ast.ClassDef)]
    for _ in classes:  # one of ours may be made of another
        found |= {c.name for c in classes if any(ast.unparse(base) in found for base in c.bases)}
    return found


def unsafe(text: str, loaders: set[str]) -> list[str]:
    """The calls in a source that may run code found in a file."""
    calls = [node for node in ast.walk(parsed(text)) if isinstance(node, ast.Call)]
    return [ast.unparse(call) for call in calls if _is_unsafe(call, loaders)]


def _is_unsafe(call: ast.Call, loaders: set[str]) -> bool:
    name = ast.unparse(call.func)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if name == "torch.load":
        return given.get("weights_only") != "True"
    if name in ("np.load", "numpy.load"):
        return given.get("allow_pickle", "False") != "False" or (
            None in given and "allow_pickle" not in given
        )
    if name == "yaml.load":
        return given.get("Loader") not in loaders
    return name in NEVER


@pytest.mark.parametrize(
    "text",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=trusted)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, **options)",
        "yaml.load(text, Loader=yaml.Loader)",
        "class Own(yaml.Loader): pass\nyaml.load(text, Loader=Own)",
        "pickle.loads(data)",
        "joblib.load(path)",
    ],
)
def test_what_is_unsafe_is_found(text: str) -> None:
    assert unsafe(text, safe_loaders([text]))


def test_nothing_that_is_loaded_can_bring_code() -> None:
    texts = dict(sources())
    loaders = safe_loaders(list(texts.values()))
    found = {(name, call) for name, text in texts.items() for call in unsafe(text, loaders)}
    assert found == ALLOWED


def test_loaders_are_called_by_the_names_that_are_looked_for() -> None:
    """``from torch import load`` would hide a call."""
    modules = {"torch", "numpy", "pickle", "joblib", "yaml", "cloudpickle", "dill", "marshal"}
    hidden = [
        (name, ast.unparse(node))
        for name, text in sources()
        for node in ast.walk(parsed(text))
        if isinstance(node, ast.ImportFrom) and node.module in modules
        if any(alias.name in ("load", "loads", "Unpickler") for alias in node.names)
    ]
    assert hidden == []
