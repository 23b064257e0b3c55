"""The code that a result depends on: on a small tree of packages, and of the four papers."""

import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from papers_lib.errors import UserError
from papers_lib.sweep.digest import ROOT, changed_since, closure, code_digest, library_versions, patched

TREE = {
    "papers_lib/__init__.py": "",
    "papers_lib/files.py": "F = 1\n",
    "papers_lib/losses/__init__.py": (
        "from papers_lib.losses.focal import focal\nfrom papers_lib.losses.heatmap import loss as heatmap_loss\n"
    ),
    "papers_lib/losses/heatmap.py": "import torch\ndef loss(): raise SystemExit('executed')\n",
    "papers_lib/losses/focal.py": "GAMMA = 2\ndef focal(): pass\n",
    "papers_lib/losses/unused.py": "X = 1\n",
    "papers_lib/metrics/__init__.py": "from .inner import *\nHERE = 1\n",
    "papers_lib/metrics/inner.py": "dice = 1\n",
    "papers_lib/metrics/lazy.py": "y = 1\n",
    "papers_lib/sweep/__init__.py": "from papers_lib.sweep.core import sweep\n",
    "papers_lib/sweep/core.py": "def sweep(): pass\n",
    "data_gen/__init__.py": "",
    "notebooks/toy/__init__.py": "",
    "notebooks/toy/sibling.py": "import timm.models\nimport numpy.linalg\nimport json\n",
    "notebooks/toy/experiment.py": '''"""A toy."""
import data_gen
from papers_lib import files
from papers_lib.losses import heatmap_loss
from papers_lib.sweep import sweep
from . import sibling

def run():
    """Runs."""
    from papers_lib.metrics.lazy import y
''',
}
RUN = ["toy.experiment"]


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


def test_names_are_followed_to_the_modules_that_define_them(tree):
    assert list(code_digest(RUN, tree)) == [
        "papers_lib.losses.heatmap",  # through its package, under another name
        "papers_lib.metrics.lazy",  # inside a function
        "toy.experiment",
        "toy.sibling",  # from . import x
    ]
    (tree / "notebooks/toy/sibling.py").write_text("from papers_lib.metrics import HERE\n")
    assert {"papers_lib.metrics", "papers_lib.metrics.inner"} <= code_digest(RUN, tree).keys()
    (tree / "notebooks/toy/sibling.py").write_text("import papers_lib.losses\n")  # whatever it exports
    assert {"papers_lib.losses", "papers_lib.losses.focal"} <= code_digest(RUN, tree).keys()


def test_the_digest_follows_what_code_does_not_its_prose(tree):
    before, heatmap = code_digest(RUN, tree), tree / "papers_lib/losses/heatmap.py"
    body = "    'Prose.'\n    say('a line of progress')\n    raise SystemExit(\"executed\")\n"
    edit(heatmap, f'"""Prose."""\nimport torch  # and more\ndef loss():\n{body}')
    edit(tree / "papers_lib/losses/focal.py", "GAMMA = 3\n")
    assert code_digest(RUN, tree) == before
    edit(heatmap, "import torch\ndef loss(): raise SystemExit('other')\n")
    after = code_digest(RUN, tree)
    assert [name for name in after if after[name] != before[name]] == ["papers_lib.losses.heatmap"]


def test_a_module_without_source_and_a_file_that_is_not_python_are_errors(tree):
    with pytest.raises(ValueError, match=r"'papers_lib.no' has no Python source file"):
        code_digest(["papers_lib.no"], tree)
    edit(tree / "papers_lib/losses/heatmap.py", "GAMMA = = 2\n")
    with pytest.raises(UserError, match=r"losses/heatmap.py: is not valid Python"):
        code_digest(RUN, tree)


def test_versions_of_what_the_code_imports(tree):
    versions = library_versions(RUN, tree)
    assert list(versions) == ["python", "numpy", "timm", "torch"]
    assert versions["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert list(library_versions(["papers_lib.losses.focal"], tree)) == ["python", "numpy", "torch"]


SLUGS = ("heatmap_loss", "cam_entropy", "pylon", "sibnet_calibration")


def test_a_change_of_the_heatmap_loss_retrains_its_paper_and_no_other(tmp_path):
    for folder in ("papers_lib", *(f"notebooks/{slug}" for slug in SLUGS)):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))

    def digests() -> list[dict[str, str]]:
        return [code_digest([f"{slug}.experiment"], tmp_path) for slug in SLUGS]

    before = digests()
    for name in ("losses/heatmap.py", "sweep/core.py", "companion/page.py", "processes.py"):
        path = tmp_path / "papers_lib" / name
        edit(path, path.read_text() + "\nANOTHER = 1\n")
    changed = [a != b for a, b in zip(digests(), before, strict=True)]
    assert dict(zip(SLUGS, changed, strict=True)) == {slug: slug == "heatmap_loss" for slug in SLUGS}


@pytest.mark.parametrize("slug", SLUGS)
def test_code_as_it_was_loaded_is_what_its_files_say(slug):
    __import__(f"{slug}.experiment")
    assert patched([f"{slug}.experiment"]) is None
    drawn = [name for name in closure([f"{slug}.experiment"]) if name.endswith(("figures", "tables", "grid"))]
    assert drawn == []


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    source = (
        "from math import floor\nLIMIT = 3\nclass Net:\n    def go(self):\n        return LIMIT\n"
        "    @property\n    def side(self):\n        return 2\ndef run():\n    return floor(2.5)\n"
    )
    (tmp_path / "loaded_once.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "loaded_once", raising=False)
    import loaded_once

    return loaded_once


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ("", "run", lambda: 3),
        ("", "LIMIT", 4),
        ("", "floor", round),
        ("Net", "go", lambda self: 4),
        ("Net", "side", property(lambda self: 3)),
    ],
)
def test_what_a_notebook_patched_is_found(loaded, monkeypatch, place, name, value):
    assert patched(["loaded_once"]) is None
    monkeypatch.setattr(getattr(loaded, place) if place else loaded, name, value)
    assert patched(["loaded_once"]) == ".".join(part for part in ("loaded_once", place, name) if part)


def test_a_file_that_changed_after_it_was_loaded_is_found(loaded):
    changed = Path(str(loaded.__file__)).stat().st_mtime
    assert changed_since(["loaded_once"], changed - 1) == ["loaded_once"]
    assert changed_since(["loaded_once"], changed) == []
