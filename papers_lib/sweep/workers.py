"""One run in this process: its surroundings, its outcome, and how a worker ends with its parent."""

import errno
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from papers_lib.errors import UserError
from papers_lib.files import write_text
from papers_lib.sweep import checkpoints, mishaps
from papers_lib.sweep.context import Context, RunFailed
from papers_lib.sweep.digest import code_digest, library_versions
from papers_lib.sweep.encoding import encode
from papers_lib.sweep.progress import one_line, say
from papers_lib.sweep.records import STORED, Store
from papers_lib.training.gpu import on_gpu

POLL = 0.5  # seconds between two looks whether the parent lives
ORPHANED = 71  # exit status of a worker whose parent is gone


@dataclass(frozen=True)
class Task:
    """A run to execute: everything a worker needs, nothing that a result depends on but is not in its key."""

    run: Callable[[Any, Context], dict[str, Any]]
    config: Any
    label: str
    key: str
    components: dict[str, Any]
    folder: Path
    data_root: Path
    device: str
    scratch: Path

    @property
    def marker(self) -> Path:
        """File that exists while a worker is at this run; it holds the worker's process id."""
        return self.scratch / f"{self.key}.running"


@dataclass(frozen=True)
class Outcome:
    """What came of a task: ``result`` as ``Store.save`` writes it, and the seconds it took, if known.

    ``crowded``: it failed for want of memory on a GPU, which other processes may have held.
    """

    key: str
    result: dict[str, Any]
    seconds: float | None
    crowded: bool = False


def execute(task: Task) -> Outcome:
    """Run a task in this process and store its result.

    An exception of the run becomes the status "failed"; ``KEY.traceback.txt`` in the cache has its traceback.

    Raises:
        UserError: the folder of results cannot be written to.
    """
    started = time.perf_counter()
    store = Store(task.folder)
    note, checkpoint = store.path(task.key, ".traceback.txt"), store.path(task.key, ".checkpoint")
    _clear(note)
    checkpoints.put_away_damaged(checkpoint)
    context = Context(
        task.device,
        task.data_root,
        checkpoint,
        task.components["precision"],
        task.components["initial_weights"],
    )
    status, reason, metrics, crowded = "ok", "", {}, False
    try:
        returned = _returned(task, context)
        if not isinstance(returned, dict):
            raise TypeError(f"the run returned {type(returned).__name__}; expected a dict of metrics")
        metrics = encode(returned, "metrics")
    except RunFailed as failure:
        status, reason = failure.status, one_line(failure.reason)
    except (Exception, SystemExit) as error:
        status, reason = "failed", mishaps.reason(error, task.run.__module__, task.data_root)
        write_text(note, traceback.format_exc())
        crowded = mishaps.out_of_gpu_memory(error)
    finally:
        if on_gpu(task.device):
            from papers_lib.training.gpu_batches import release

            release()
    result = {"status": status, "reason": reason, "metrics": metrics}
    if status in STORED:
        result = store.save(task.components, task.label, result, context.arrays)
        checkpoints.remove(checkpoint)
    return Outcome(task.key, result, time.perf_counter() - started, crowded)


def _clear(note: Path) -> None:
    """Remove the traceback of an earlier attempt; a read-only cache is told here, before anything is computed."""
    try:
        note.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{note.parent}: cannot be written ({error.strerror})") from error
    if not os.access(note.parent, os.W_OK):  # where there was no such file, nothing was refused
        raise UserError(f"{note.parent}: cannot be written ({os.strerror(errno.EACCES)})")


def _returned(task: Task, context: Context) -> Any:
    """What the run returns; where a checkpoint does not fit, it is put away and the run starts anew."""
    try:
        return task.run(task.config, context)
    except Exception as error:
        if not checkpoints.refused(error):
            raise
        what = type(error).__name__
    say(f"checkpoint {context.checkpoint.name} does not fit the model ({what}); the run starts anew")
    checkpoints.remove(context.checkpoint)
    context.arrays.clear()
    return task.run(task.config, context)


def execute_in_worker(task: Task) -> Outcome:
    """``execute`` in a worker process: one thread, a marker while it lasts, the code that the key describes.

    Raises:
        UserError: this worker started after a source file changed, so that it would store a result of the new
            code under the key of the old; it has other versions of libraries (on a node of a cluster); or the
            result cannot be written.
    """
    start_worker(None)
    now = _code_at_start(task.run.__module__, task.device)
    changed = sorted(
        name
        for name in {*now, *task.components["code"]}
        if now.get(name) != task.components["code"].get(name)
    )
    if changed:
        raise UserError(
            f"{changed[0].replace('.', '/')}.py changed while the sweep ran; start the sweep again"
        )
    _check_libraries(task)
    write_text(task.marker, str(os.getpid()))
    if "torch" in sys.modules:  # otherwise the environment says it
        sys.modules["torch"].set_num_threads(1)
    outcome = execute(task)
    task.marker.unlink(missing_ok=True)  # not in a `finally`: what ends a worker early leaves it
    return outcome


@cache
def _code_at_start(module: str, device: str) -> dict[str, str]:
    return code_digest([module])


def _check_libraries(task: Task) -> None:
    here = library_versions([task.run.__module__])
    for name, version in task.components.get("libraries", {}).items():
        if here.get(name) != version:
            raise UserError(
                f"{platform.node()}: found {name} {here.get(name)}, expected {version} as where the sweep was started"
            )


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch, BLAS and OpenMP, as in a worker, so that a run gives the same bits here."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    try:
        with threadpool_limits(limits=1):
            torch.set_num_threads(1)  # some builds of torch have threads that threadpoolctl does not know
            yield
    finally:
        torch.set_num_threads(before)


def start_worker(parent: int | None) -> None:
    """Once a worker: leave Ctrl-C to the parent, and die when the parent does.

    Args:
        parent: process id of the sweep; None for whoever started this process.
    """
    if any(thread.name == "watch-parent" for thread in threading.enumerate()):
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    expected = os.getppid() if parent is None else parent

    def watch() -> None:
        while os.getppid() == expected:
            time.sleep(POLL)
        os._exit(ORPHANED)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()
