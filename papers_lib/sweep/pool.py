"""Tasks to outcomes: in this process, or in workers of which one may die without harm to the others."""

import sys
import time
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from papers_lib.errors import UserError
from papers_lib.files import write_text
from papers_lib.processes import death, end_workers, one_thread, submit, workers
from papers_lib.sweep.cache import Store, Unusable, plain
from papers_lib.sweep.digest import ROOT, code_digest, library_versions
from papers_lib.sweep.progress import one_line
from papers_lib.sweep.records import STORED, Context, RunFailed, at_end_of_run


@dataclass(frozen=True)
class Task:
    """A run to execute: everything a worker needs."""

    run: Callable[[Any, Context], dict[str, Any]]
    config: Any
    label: str
    key: str
    components: dict[str, Any]
    folder: Path
    data_root: Path
    device: str

    def cost(self) -> float:
        """What the config says its run costs, in any unit; 1 where it says nothing."""
        known = getattr(self.config, "cost", None)
        return float(known()) if callable(known) else 1.0


@dataclass(frozen=True)
class Outcome:
    """What came of a task."""

    key: str
    result: dict[str, Any]  # as ``Store.save`` writes it
    seconds: float | None = None  # that it took, if known
    crowded: bool = False  # it failed for want of memory on a GPU, which other processes may have held


def outcomes_of(tasks: list[Task], jobs: int, say: Callable[[str], None]) -> Generator[Outcome]:
    """Execute tasks in their order; one that found no room on a GPU beside others is repeated after them, alone."""
    crowded = []
    with closing(_in_workers(tasks, jobs) if jobs > 1 else _here(tasks)) as outcomes:
        for outcome in outcomes:
            if outcome.crowded and jobs > 1:
                crowded += [task for task in tasks if task.key == outcome.key]
            else:
                yield outcome
    if crowded:
        say(f"no room on the GPU beside other runs; runs to repeat one at a time: {len(crowded)}")
    for task in crowded:
        end_workers()  # what they keep on the GPU is room, too
        yield from _in_workers([task], 1)


def _here(tasks: list[Task]) -> Generator[Outcome]:
    for task in tasks:
        with one_thread():
            outcome = execute(task)
        yield outcome


def _in_workers(tasks: list[Task], jobs: int) -> Generator[Outcome]:
    from pebble import ProcessExpired

    pool = workers(jobs, len(tasks))
    futures = {submit(pool, execute_in_worker, task): task for task in tasks}
    try:
        for future in as_completed(futures):
            try:
                outcome = future.result()
            except (ProcessExpired, BrokenProcessPool) as error:
                outcome = died(futures[future], death(error))
            yield outcome
    finally:
        if not all(future.done() and not future.exception() for future in futures):
            end_workers()


def died(task: Task, reason: str) -> Outcome:
    """The outcome of a run whose worker died; its result, if that had been stored by then."""
    try:
        stored = Store(task.folder).load(task.key)
    except Unusable:
        stored = None
    return Outcome(task.key, stored or {"status": "died", "reason": reason, "metrics": {}})


def execute_in_worker(task: Task) -> Outcome:
    """``execute`` in a worker, whose code and libraries must be those that the key describes."""
    for part, own in _own_code(task.run.__module__).items():
        changed = [name for name, value in task.components[part].items() if own.get(name) != value]
        if changed:
            names = ", ".join(changed[:3])
            raise UserError(
                f"{part} changed since the sweep started, or differs here: {names}; start it again"
            )
    return execute(task)


@cache
def _own_code(module: str) -> dict[str, dict[str, str]]:
    return {"code": code_digest([module]), "libraries": library_versions([module])}


def execute(task: Task) -> Outcome:
    """Run a task in this process and store its result, or where it "failed" the traceback in ``KEY.traceback.txt``."""
    started, store = time.perf_counter(), Store(task.folder)
    note, checkpoint = store.path(task.key, ".traceback.txt"), store.path(task.key, ".checkpoint")
    note.unlink(missing_ok=True)
    given = task.components["precision"], task.components["initial_weights"]
    context = Context(task.device, task.data_root, checkpoint, *given)
    status, reason, metrics, crowded = "ok", "", {}, False
    try:
        metrics = plain(dict(task.run(task.config, context)), "metrics")
    except RunFailed as failure:
        status, reason = failure.status, one_line(failure.reason)
    except (Exception, SystemExit) as error:
        status, reason = "failed", _reason(error, task)
        write_text(note, traceback.format_exc())
        crowded = out_of_gpu_memory(error)
    finally:
        for tidy_up in at_end_of_run:
            tidy_up()
    result = {"status": status, "reason": reason, "metrics": metrics}
    if status in STORED:
        result = store.save(task.components, task.label, result, context.arrays)
    return Outcome(task.key, result, time.perf_counter() - started, crowded)


def out_of_gpu_memory(error: BaseException) -> bool:
    """Whether a GPU had too little memory: torch's own error, or one of cuBLAS or cuDNN that torch passes on."""
    torch = sys.modules.get("torch")
    below = isinstance(error, RuntimeError) and "ALLOC_FAILED" in str(error)
    return below or (torch is not None and isinstance(error, torch.OutOfMemoryError))


def _reason(error: BaseException, task: Task) -> str:
    """``TypeName: message (file:line)``: the innermost line outside of libraries, folders of this machine left out."""
    own = str(getattr(sys.modules.get(task.run.__module__), "__file__", None)), str(ROOT / "papers_lib")
    frames = [one for one in traceback.extract_tb(error.__traceback__)[1:] if one.filename.startswith(own)]
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    message = one_line(str(error)).replace(str(task.data_root), "the data folder").replace(f"{ROOT}/", "")
    return f"{type(error).__name__}: {message}{where}"
