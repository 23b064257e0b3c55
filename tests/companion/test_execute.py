"""The kernel's own surroundings, how progress reaches the terminal, and the lock; whole commands: tests/faults."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from papers_lib.companion import execute
from papers_lib.companion.execute import Outcome
from papers_lib.errors import UserError
from tests.companion.toy_project import cell, write_notebook

REPORT = """\
import json, os, sys
open(os.environ["PAPERS_PROGRESS"], "a").write("one\\ntwo\\n")
print(json.dumps({"python": sys.executable, "cwd": os.getcwd(), "x": x, "ipython": os.environ["IPYTHONDIR"]}))
"""


def test_kernel_is_this_interpreter_in_the_notebooks_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # an installed kernelspec would start "python" from there
    folder = tmp_path / "note{b}ooks"  # papermill formats its paths
    folder.mkdir()
    (work := tmp_path / "work").mkdir()
    cells = [cell("code", "x = 1", "parameters"), cell("code", REPORT)]
    notebook = write_notebook(folder / "n.ipynb", cells)
    extra = {"PAPERS_PROGRESS": str(work / "progress.txt")}
    said: list[str] = []
    outcome = execute.execute(
        notebook, folder / "executed.ipynb", {"x": 7}, extra=extra, work=work, say=said.append
    )
    assert outcome == Outcome("succeeded")
    assert said == ["one", "two"]
    executed = json.loads((folder / "executed.ipynb").read_text())
    found = json.loads("".join(executed["cells"][2]["outputs"][0]["text"]))
    assert found == {
        **{"python": sys.executable, "cwd": str(folder), "x": 7},
        "ipython": str(work / "ipython"),
    }


def test_progress_comes_in_whole_lines(tmp_path: Path) -> None:
    path, said = tmp_path / "progress.txt", list[str]()
    with execute._told(path, said.append), path.open("a") as file:
        for part in ("[1/2] a", ": ok\n[2/2] b: ok\n", "unfinished"):
            file.write(part)
            file.flush()
            time.sleep(0.12)  # longer than between two looks
    assert said == ["[1/2] a: ok", "[2/2] b: ok"]


def test_the_lock_is_held_once_a_page_and_says_whether_a_run_is_alive(tmp_path: Path) -> None:
    execute.write_status(tmp_path, "a", "2020-01-01T00:00:00Z", Outcome("running"))
    with execute.lock(tmp_path, "a"), execute.lock(tmp_path, "b"):
        assert (execute.read_status(tmp_path, "a") or {})["state"] == "running"
        with (
            pytest.raises(UserError, match=f"process {os.getpid()} is already running"),
            execute.lock(tmp_path, "a"),
        ):
            pass
    assert (execute.read_status(tmp_path, "a") or {})["state"] == "killed"
