"""The import closure and its digests, on a small tree of packages of the same names."""

import os
import sys
from pathlib import Path

import pytest

from papers_lib.errors import UserError
from papers_lib.sweep.digest import ROOT, closure, code_digest, library_versions, loaded_before_change

TREE = {
    "papers_lib/__init__.py": "",
    "papers_lib/losses/__init__.py": "",
    "papers_lib/losses/heatmap.py": "import torch\nraise SystemExit('executed')\n",
    "papers_lib/losses/focal.py": "GAMMA = 2\n",
    "papers_lib/losses/unused.py": "X = 1\n",
    "papers_lib/metrics/__init__.py": "from papers_lib.metrics.inner import dice\n",
    "papers_lib/metrics/inner.py": "dice = 1\n",
    "papers_lib/metrics/lazy.py": "y = 1\n",
    "papers_lib/metrics/dynamic.py": "z = 1\n",
    "papers_lib/typed.py": "t = 1\n",
    "data_gen/__init__.py": "",
    "data_gen/scenes.py": "import timm.models\nimport numpy.linalg\nimport json\n",
    "papers_lib/experiments/__init__.py": "",
    "papers_lib/experiments/sibling.py": "from ..losses.focal import GAMMA\n",
    "papers_lib/experiments/toy.py": '''"""A toy."""
from typing import TYPE_CHECKING
from papers_lib.losses import heatmap
from . import sibling
import data_gen.scenes as scenes

if TYPE_CHECKING:
    from papers_lib import typed

def run():
    """Runs."""
    from papers_lib.metrics.lazy import y
    import importlib
    importlib.import_module("papers_lib.metrics.dynamic")
''',
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, source in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    return tmp_path


def edit(path: Path, source: str) -> None:
    """Write ``source`` so that size or time certainly differ."""
    path.write_text(source)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))


def test_the_closure_is_what_importing_can_run(tree: Path) -> None:
    assert list(code_digest(["papers_lib.experiments.toy"], tree)) == [
        "data_gen.__init__",
        "data_gen.scenes",  # import x.y as z
        "papers_lib.__init__",
        "papers_lib.experiments.__init__",
        "papers_lib.experiments.sibling",  # from . import x
        "papers_lib.experiments.toy",
        "papers_lib.losses.__init__",
        "papers_lib.losses.focal",  # from ..x.y import z, through the sibling
        "papers_lib.losses.heatmap",  # from package import module
        "papers_lib.metrics.__init__",
        "papers_lib.metrics.dynamic",  # import_module with a literal
        "papers_lib.metrics.inner",  # through the package's own file
        "papers_lib.metrics.lazy",  # inside a function
    ]  # neither unused.py nor typed.py


def test_a_package_brings_its_own_file_only(tree: Path) -> None:
    assert list(code_digest(["papers_lib.losses"], tree)) == [
        "papers_lib.__init__",
        "papers_lib.losses.__init__",
    ]


def test_the_digest_follows_what_code_does_not_its_prose(tree: Path) -> None:
    before = code_digest(["papers_lib.experiments.toy"], tree)
    edit(tree / "papers_lib/losses/focal.py", "# Lin et al.\nGAMMA = 2  # as printed\n")
    edit(tree / "papers_lib/losses/unused.py", "X = 2\n")
    assert code_digest(["papers_lib.experiments.toy"], tree) == before
    edit(tree / "papers_lib/losses/focal.py", "GAMMA = 3\n")
    after = code_digest(["papers_lib.experiments.toy"], tree)
    assert [name for name in after if after[name] != before[name]] == ["papers_lib.losses.focal"]


def test_a_module_elsewhere_is_found_and_ours_followed_from_it(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "own_runs.py").write_text("import os\nfrom papers_lib.losses import focal\n")
    monkeypatch.syspath_prepend(tree)
    expected = ["own_runs", "papers_lib.__init__", "papers_lib.losses.__init__", "papers_lib.losses.focal"]
    assert list(code_digest(["own_runs"], tree)) == expected
    assert "own_runs" not in sys.modules


def test_a_module_without_source_is_an_error(tree: Path) -> None:
    with pytest.raises(ValueError, match=r"'papers_lib.no' has no Python source file"):
        code_digest(["papers_lib.no"], tree)


def test_a_file_that_is_not_python_is_named(tree: Path) -> None:
    edit(tree / "papers_lib/losses/focal.py", "GAMMA = = 2\n")
    with pytest.raises(UserError, match=r"losses/focal.py: is not valid Python"):
        code_digest(["papers_lib.experiments.toy"], tree)


def test_versions_of_what_the_closure_imports(tree: Path) -> None:
    versions = library_versions(["papers_lib.experiments.toy"], tree)
    assert list(versions) == ["python", "numpy", "timm", "torch"]
    assert versions["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert (
        versions["numpy"] == sys.modules["numpy"].__version__ if "numpy" in sys.modules else versions["numpy"]
    )
    assert list(library_versions(["papers_lib.losses.focal"], tree)) == ["python", "numpy", "torch"]


def test_what_runs_import_stays_clear_of_the_machinery() -> None:
    assert list(closure(["papers_lib.sweep.context"])) == [
        "papers_lib.__init__",
        "papers_lib.experiments.__init__",
        "papers_lib.sweep.context",
    ]


def test_loaded_modules_that_changed_since_are_told() -> None:
    path = ROOT / "papers_lib/sweep/digest.py"
    changed = path.stat().st_mtime
    assert "papers_lib.sweep.digest" in loaded_before_change(["papers_lib.sweep.digest"], changed - 10)
    later = max(file.stat().st_mtime for file in closure(["papers_lib.sweep.digest"]).values())
    assert loaded_before_change(["papers_lib.sweep.digest"], later) == []
