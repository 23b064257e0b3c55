"""One run in a process of its own, whose death harms no other run: it is told in a file, and answers in one."""

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

from papers_lib.errors import UserError
from papers_lib.files import write_bytes, write_json
from papers_lib.sweep import mishaps
from papers_lib.sweep.workers import Outcome, Task, execute_in_worker, start_worker

ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)


def execute_alone(task: Task) -> Outcome:
    """``workers.execute`` in a process of its own; where that dies, the outcome is "died".

    Raises:
        UserError: what ``execute_in_worker`` refused there.
    """
    return execute_order(ordered(task))


def ordered(task: Task) -> Path:
    """A file in the task's scratch folder that ``execute_order`` takes."""
    order = task.scratch / f"{task.key}.task"
    write_bytes(order, pickle.dumps(task))
    return order


def execute_order(order: Path) -> Outcome:
    """``execute_alone`` for a task that has been written down; this process does not read it.

    Raises:
        UserError: as there.
    """
    started, key, answer = time.perf_counter(), order.stem, order.with_suffix(".outcome")
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            "from papers_lib.sweep.own_process import main; main()",
            order,
            answer,
            str(os.getpid()),
        ],
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if process.returncode == 0 and answer.exists():
        result, seconds, refused = json.loads(answer.read_text(encoding="utf-8"))
        if refused:
            raise UserError(refused)
        return Outcome(key, result, seconds)
    last = (process.stderr.strip().splitlines() or ["no message"])[-1]
    reason = (
        mishaps.signal_name(-process.returncode)
        if process.returncode < 0
        else f"exit code {process.returncode}: {last}"
    )
    return Outcome(key, {"status": "died", "reason": reason, "metrics": {}}, time.perf_counter() - started)


def main() -> None:
    """Entry point of the process that ``execute_alone`` starts."""
    order, answer, parent = sys.argv[1:]
    start_worker(int(parent))
    # Pickled by the parent a moment ago, in its own scratch folder, which nobody else may enter (mode 700).
    task: Task = pickle.loads(Path(order).read_bytes())
    try:
        outcome = execute_in_worker(task)
    except UserError as error:  # of the sweep, not of this run
        write_json(answer, [None, None, str(error)])
    else:
        write_json(answer, [outcome.result, outcome.seconds, ""])
