"""The command as a user types it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from papers_lib import files

HEAVY = ("torch", "pandas", "scipy", "matplotlib", "papermill", "nbformat", "IPython")


def test_list(made: Path, papers: Callable) -> None:
    lines = papers("list").out.splitlines()
    assert lines[0] == "toy  A toy paper"
    assert lines[1].startswith("  quick    page of ")
    assert lines[1].endswith("; claims: 1 supported")


def test_the_list_imports_nothing_heavy(made: Path) -> None:
    command = ["list"]
    program = (
        "import sys, time\n"
        "from papers_lib.companion.cli import main\n"
        f"try: main({command!r})\n"
        "except SystemExit as stopped: assert not stopped.code\n"
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules], time.process_time() < 2)\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "heavy: [] True"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "nothing"], "papers: nothing: no such notebook; there are toy"),
        (["run", "--record", "My GPU"], "papers: --record My GPU: expected lower-case letters"),
        (["run", "--data-root", "absent"], "absent: no such folder"),
        (
            ["render"],
            "papers: toy: quick/toy_files/executed.ipynb is not on this machine; first run: papers run toy",
        ),
        (["claims"], "papers: toy: no results in reports/quick; first run: papers run toy --profile quick"),
    ],
)
def test_refusal_is_one_line_and_code_2(
    arguments: list[str], line: str, project: Path, papers: Callable
) -> None:
    answer = papers(*arguments)
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert line in answer.err
    assert not (project / "reports").exists()


def test_debug_shows_the_traceback(project: Path) -> None:
    from papers_lib.companion.cli import main
    from papers_lib.errors import UserError

    with pytest.raises(UserError, match="no such notebook"):
        main(["run", "nothing", "--debug"])


def test_outside_of_a_checkout_the_packages_own_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from papers_lib.companion import paths

    monkeypatch.chdir(tmp_path)
    assert paths.repo_root() == Path(paths.__file__).resolve().parents[2]


def test_render_and_claims_of_a_page(made: Path, papers: Callable) -> None:
    page = made / "reports/quick/toy.html"
    before = page.read_bytes()
    page.unlink()
    assert papers("render").code == 0
    assert page.read_bytes() == before
    answer = papers("claims", "toy")
    assert answer.code == 0
    assert "toy: 1 supported; evidence: " in answer.out


def test_recorded_run_leaves_the_ordinary_page_and_names_no_folder(made: Path, papers: Callable) -> None:
    before = {p.name: p.read_bytes() for p in (made / "reports/quick").glob("toy.*")}
    files.write_text(made / "images/labels.csv", "a,1\n")
    command = ("run", "--record", "gpu", "--data-root", "images")
    answer = papers(*command)
    assert (answer.code, answer.err) == (0, "")
    assert {p.name: p.read_bytes() for p in (made / "reports/quick").glob("toy.*")} == before
    recorded = json.loads((made / "reports/full/recorded/toy.gpu.json").read_text())
    assert recorded["command"] == "papers run toy --profile quick --data-root images --record gpu"
    assert (made / "reports/quick-gpu/toy.html").is_file()
    for path in (made / "reports").rglob("*"):
        assert not path.is_file() or str(made).encode() not in path.read_bytes(), path
    assert "up to date" in papers(*command).out
