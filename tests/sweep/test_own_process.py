"""One run in a process of its own."""

import sys
from pathlib import Path

import pytest

from papers_lib.errors import UserError
from papers_lib.sweep.own_process import execute_alone

sys.path.insert(0, str(Path(__file__).parent))
from toy_runs import Toy
from toy_tasks import task_of


@pytest.mark.parametrize(
    ("behaviour", "status", "reason"),
    [
        ("ok", "ok", ""),
        ("diverged", "diverged", "loss is nan at step 7"),
        ("killed", "died", "killed by signal 9 (SIGKILL)"),
        ("exits", "died", "exit code 3: no message"),
    ],
)
def test_a_process_of_its_own(tmp_path: Path, behaviour: str, status: str, reason: str) -> None:
    outcome = execute_alone(task_of(tmp_path, Toy(1, behaviour)))
    assert (outcome.result["status"], outcome.result["reason"]) == (status, reason)
    assert outcome.seconds is not None
    assert outcome.seconds > 0


def test_what_a_process_of_its_own_refuses_is_no_outcome_of_its_run(tmp_path: Path) -> None:
    task = task_of(tmp_path, Toy(1))
    task.components["code"]["papers_lib.sweep.context"] = "older"
    with pytest.raises(UserError, match=r"^papers_lib/sweep/context.py changed while the sweep ran"):
        execute_alone(task)
