"""The kernel's own surroundings, and how progress reaches the terminal."""

import json
import os
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from papers_lib.companion import execute

REPORT = """\
import json, os, sys
print(json.dumps({
    "python": sys.executable, "cwd": os.getcwd(), "x": x, "out": os.environ["PAPERS_OUT"],
    "parent": os.environ["PAPERS_PARENT"], "ipython": os.environ["IPYTHONDIR"],
    "parent is papers": os.getppid() == int(os.environ["PAPERS_PARENT"]),
}))
"""
FINISH = """\
open(os.environ["PAPERS_PROGRESS"], "a").write("one\\ntwo\\n")
folder = os.environ["PAPERS_OUT"]
json.dump({"nonce": os.environ["PAPERS_NONCE"]}, open(os.path.join(folder, "finished.json"), "w"))
import signal
told = os.path.join(folder, "told to end")
signal.signal(signal.SIGTERM, lambda *_: (open(told, "w").close(), os._exit(0)))
"""


def test_kernel_is_this_interpreter_in_the_notebooks_folder(
    tmp_path: Path, toy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # an installed kernelspec would start "python" from there
    folder = tmp_path / "note{b}ooks"  # papermill formats its paths
    folder.mkdir()
    (work := tmp_path / "work").mkdir()
    cells = [toy.cell("code", "x = 1", "parameters"), toy.cell("code", REPORT), toy.cell("code", FINISH)]
    notebook = toy.write_notebook(folder / "n.ipynb", cells)
    extra = {"PAPERS_OUT": str(folder), "PAPERS_NONCE": "abc", "PAPERS_PROGRESS": str(work / "progress.txt")}
    said: list[str] = []
    outcome = execute.execute(
        notebook, folder / "executed.ipynb", {"x": 7}, extra=extra, work=work, say=said.append
    )
    assert outcome == execute.Outcome("succeeded")
    assert said == ["one", "two"]
    assert (folder / "told to end").is_file()  # at once, and not asked to wait for its children first
    executed = json.loads((folder / "executed.ipynb").read_text())
    found = json.loads("".join(executed["cells"][2]["outputs"][0]["text"]))
    assert found == {
        **{"python": sys.executable, "cwd": str(folder), "x": 7, "out": str(folder)},
        **{"parent": str(os.getpid()), "parent is papers": True, "ipython": str(work / "ipython")},
    }


def test_token_of_an_earlier_run_does_not_count(tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "source": "1", "metadata": {}, "execution_count": 1, "outputs": []}]
    finished = tmp_path / "finished.json"
    finished.write_text('{"nonce": "old"}')
    assert execute._verdict(cells, finished, "new").state == "incomplete"
    assert execute._verdict(cells, finished, "old").state == "succeeded"


def test_progress_comes_in_whole_lines(tmp_path: Path) -> None:
    path, said, done = tmp_path / "progress.txt", [], threading.Event()
    path.write_text("")
    tail = threading.Thread(target=execute._tail, args=(path, said.append, done))
    tail.start()
    with path.open("a") as file:
        for part in ("[1/2] a", ": ok\n[2/2] b: ok\n", "unfinished"):
            file.write(part)
            file.flush()
    done.set()
    tail.join(5)
    assert said == ["[1/2] a: ok", "[2/2] b: ok"]
