"""The lock of a page, and what a status file says of a process that is gone; whole commands: tests/faults."""

import json
from pathlib import Path

import pytest

from papers_lib.companion import status
from papers_lib.errors import UserError


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
