"""The command as a user types it."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from papers_lib.companion import paths
from papers_lib.companion.cli import main
from papers_lib.errors import UserError

HEAVY = ("torch", "pandas", "scipy", "matplotlib", "papermill", "nbformat", "IPython")


def test_list_says_how_pages_stand_and_imports_nothing_heavy(made: Path) -> None:
    program = (
        "import sys, time\n"
        "from papers_lib.companion.cli import main\n"
        "try: main(['list'])\n"
        "except SystemExit as stopped: assert not stopped.code\n"
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules], time.process_time() < 2)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "toy  A toy paper"
    assert lines[1].startswith("  quick    page of ")
    assert lines[1].endswith("; claims: 1 supported")
    assert lines[-1] == "heavy: [] True"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "nothing"], "nothing: no such notebook; there are toy"),
        (["run", "--record", "My GPU"], "--record My GPU: expected lower-case letters"),
        (["run", "--data-root", "absent"], "absent: no such folder"),
        (["render"], "quick/toy_files/executed.ipynb is not on this machine; first run: papers run toy"),
        (["render", "--profile", "full"], "papers run --profile full"),
        (["claims"], "toy: no results in reports/quick; first run: papers run toy --profile quick"),
        (["params", "zoo"], "zoo: no such notebook"),
    ],
)
def test_refusal_is_one_line_and_code_2(
    arguments: list[str], line: str, project: Path, papers: Callable
) -> None:
    answer = papers(*arguments)
    assert answer.code == 2
    assert answer.err.startswith("papers: ")
    assert answer.err.count("\n") == 1
    assert line in answer.err
    assert not (project / "reports").exists()


def test_debug_shows_the_traceback(project: Path) -> None:
    with pytest.raises(UserError, match="no such notebook"):
        main(["run", "nothing", "--debug"])


def test_outside_of_a_checkout_the_packages_own_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.repo_root() == Path(paths.__file__).resolve().parents[2]


def test_render_and_claims_of_a_page(made: Path, papers: Callable) -> None:
    page = made / "reports/quick/toy.html"
    before = page.read_bytes()
    page.unlink()
    assert papers("render").code == 0
    assert page.read_bytes() == before
    assert "toy: 1 supported; evidence: " in papers("claims", "toy").out


def test_an_absent_ray_is_one_line_before_anything_runs(
    project: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else find(name))
    answer = papers("run", "--backend", "ray")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert answer.err.startswith("papers: backend ray: the package is not installed here")
    assert "'dask' is not one of 'processes', 'ray'" in papers("run", "--backend", "dask").err
    assert not (project / "reports").exists()
