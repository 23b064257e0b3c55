"""What goes wrong in real life, and what must be left afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from papers_lib.companion import status
from papers_lib.errors import UserError


def page_files(root: Path) -> dict[str, bytes]:
    """The published files of the quick page."""
    return {p.name: p.read_bytes() for p in (root / "reports/quick").glob("toy.*") if "status" not in p.name}


def state(root: Path, slug: str = "toy") -> dict:
    """The status file of the quick page."""
    return json.loads((root / f"reports/quick/{slug}.status.json").read_text())


def gone(pid: int) -> bool:
    """Whether a process has ended; where nobody reaps orphans, a zombie has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(pids: list[int], seconds: float) -> list[int]:
    """The processes that are still there after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not all(map(gone, pids)):
        time.sleep(0.05)
    return [pid for pid in pids if not gone(pid)]


@contextmanager
def waiting_run() -> Iterator[tuple[subprocess.Popen, list[int]]]:
    """A ``papers run`` of its own process whose cell waits, with the pids of the kernel and of its child."""
    command = [sys.executable, "-m", "papers_lib.companion.cli", "run", "--set", "fault=wait"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    pids: list[int] = []
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith(("toy: kernel ", "toy: child ")):
                pids.append(int(line.split()[-1]))
            if len(pids) == 2:
                break
        assert len(pids) == 2, "the cell did not start"
        yield process, pids
    finally:
        for pid in [process.pid, *pids]:
            if not gone(pid):
                os.kill(pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()


@pytest.mark.parametrize(
    ("fault", "expected", "line"),
    [
        (
            "kill",
            ("killed", 2, ""),
            "toy: killed: the kernel was killed by signal 9 (SIGKILL) in code cell 2",
        ),
        ("raise", ("failed", 2, "ValueError"), "toy: failed: code cell 2: ValueError: the cell went wrong"),
        (
            "user error",
            ("failed", 2, "UserError"),
            "toy: failed: labels.csv, row 3: found x, expected a number",
        ),
        ("leave", ("failed", 3, ""), "toy: failed: code cell 3 did not run: the notebook ended before it"),
    ],
)
def test_failed_run_says_so_and_leaves_the_page(
    fault: str, expected: tuple, line: str, made: Path, papers: Callable
) -> None:
    before, start = page_files(made), time.monotonic()
    answer = papers("run", "--set", f"fault={fault}")
    assert time.monotonic() - start < 60  # a dead kernel is noticed, not waited for
    assert answer.code == 1
    assert answer.err.splitlines() == [f"papers: {line}"]
    found = state(made)
    assert (found["state"], found["cell"], found["error"]) == expected
    assert page_files(made) == before
    assert (made / "reports/quick/toy_files/failed.ipynb").is_file()
    assert (made / "reports/quick/toy_files/executed.ipynb").is_file()
    assert [p.name for p in (made / "reports/quick/.toy.work_files").iterdir()] == ["lock"]
    assert expected[0] in papers("list").out


@pytest.mark.parametrize(
    ("fault", "line"),
    [("no figure", "not made: figure shares"), ("no finish", "page.finish() was not called")],
)
def test_page_without_a_declared_part_is_incomplete(
    fault: str, line: str, project: Path, papers: Callable
) -> None:
    answer = papers("run", "--set", f"fault={fault}")
    assert answer.code == 1
    assert line in answer.err
    assert state(project)["state"] == "incomplete"
    assert page_files(project) == {}


def test_other_notebooks_run_on(made: Path, papers: Callable, toy: ModuleType) -> None:
    claims = made / "notebooks/claims"
    (claims / "bad.yaml").write_text((claims / "toy.yaml").read_text().replace("slug: toy", "slug: bad"))
    parameters = toy.cell("code", "profile = 'quick'", "parameters")
    toy.write_notebook(made / "notebooks/bad.ipynb", [parameters, toy.cell("code", "1 / 0")])
    answer = papers("run")
    assert answer.code == 1
    assert "toy: up to date" in answer.out
    assert answer.err.splitlines() == [
        "papers: bad: failed: code cell 2: ZeroDivisionError: division by zero"
    ]


def test_report_folder_that_cannot_be_written(project: Path, papers: Callable) -> None:
    (project / "reports").write_text("a file where the folder should be")
    answer = papers("run")
    assert answer.code == 1
    assert answer.err.count("\n") == 1
    assert "reports/quick: cannot be written" in answer.err


def test_disk_that_fills_up_in_the_end(made: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The moves into place fail: one line, the status says failed, and the next run starts anew."""
    from papers_lib.companion import execute, publish
    from papers_lib.companion.status import Outcome

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "toy.html")

    def quickly(notebook: Path, executed: Path, *_: object, **__: object) -> Outcome:
        executed.write_text("{}")
        return Outcome("succeeded")

    monkeypatch.setattr(execute, "execute", quickly)
    monkeypatch.setattr(publish, "_render", full)
    before = page_files(made)
    answer = papers("run", "--force")
    assert (answer.code, answer.err) == (1, "papers: toy: failed: toy.html: No space left on device\n")
    assert state(made)["state"] == "failed"
    assert page_files(made) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_the_kernel_and_its_children(number: signal.Signals, project: Path) -> None:
    with waiting_run() as (process, pids):
        process.send_signal(number)
        said = process.stdout.read() if process.stdout else ""
        assert process.wait(20) == 130
        assert f"interrupted by {number.name}" in said
        assert wait_until_gone(pids, 1) == []
        found = state(project)
        assert (found["state"], found["message"]) == ("interrupted", f"stopped by {number.name}")


def test_killed_command_takes_its_kernel_along(project: Path, papers: Callable) -> None:
    with waiting_run() as (process, pids):
        assert "running since" in papers("list").out
        refused = papers("run")  # while the first is at it
        assert (refused.code, refused.err) == (
            1,
            f"papers: toy: process {process.pid} is already running this page in quick\n",
        )
        process.kill()
        process.wait()
        assert wait_until_gone(pids, 5) == []
        assert "killed" in papers("list").out
        with status.lock(project / "reports/quick", "toy"):  # a dead run holds nothing
            pass


def test_lock_is_held_once_a_page(tmp_path: Path) -> None:
    with (
        status.lock(tmp_path, "a"),
        status.lock(tmp_path, "b"),
        pytest.raises(UserError, match="already running"),
    ):
        status.lock(tmp_path, "a").__enter__()
    with status.lock(tmp_path, "a"):
        pass


def test_running_status_of_another_process_with_the_same_pid_reads_killed(tmp_path: Path) -> None:
    status.write(tmp_path, "toy", "quick", "2020-01-01T00:00:00Z", status.Outcome("running"))
    assert (status.read(tmp_path, "toy") or {})["state"] == "running"
    path = status.path(tmp_path, "toy")
    content = json.loads(path.read_text())
    path.write_text(
        json.dumps({**content, "pid_started": content["pid_started"] - 1000})
    )  # the pid was reused
    assert (status.read(tmp_path, "toy") or {})["state"] == "killed"
