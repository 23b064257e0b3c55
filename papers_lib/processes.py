"""Worker processes: how many, one thread each, kept from one call to the next, ended with this process.

Data sets, features and runs share one pool of pebble's, which survives the death of a worker; it is replaced when a
source file changes.
"""

import os
import pickle
import signal
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.errors import UserError

if TYPE_CHECKING:
    import torch
    from pebble import ProcessPool

DEVICES = ("auto", "cpu", "cuda")
LIMITS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
BYTES_A_RUN = 12 * 2**30  # of GPU memory: ResNet-50, batches of 64 radiographs in bfloat16, with room
MOST_ON_A_GPU = 8  # runs on one GPU take turns: more would only wait for one another

_pool: "ProcessPool | None" = None
_size = 0
_started = 0.0


def on_gpu(device: "str | torch.device") -> bool:
    """Whether tensors on ``device`` ("cuda:1", say) lie on a CUDA GPU."""
    return str(device).partition(":")[0] == "cuda"


def free_bytes(device: "str | torch.device") -> int:
    """Memory that this process can still take on a GPU: free for all, or cached by this process and unused."""
    import torch

    if not torch.cuda.is_available():
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def cores() -> int:
    """Physical cores that this process may use: as many as its affinity and its container's quota allow."""
    import psutil

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        usable = min(usable, -(-int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        pass
    return max(1, min(usable, psutil.cpu_count(logical=False) or usable))


def processes(jobs: int, device: str) -> int:
    """Processes that work at once: ``jobs``, or where that is 0 one a core, on a GPU as many as its memory takes."""
    if jobs or not on_gpu(device):
        return jobs or cores()
    return max(1, min(MOST_ON_A_GPU, free_bytes(device) // BYTES_A_RUN, cores()))


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch, BLAS and OpenMP, as in a worker, so that a computation gives the same bits here."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    try:
        with threadpool_limits(limits=1):
            torch.set_num_threads(1)  # some builds of torch have threads that threadpoolctl does not know
            yield
    finally:
        torch.set_num_threads(before)


def in_processes(function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], jobs: int) -> list[Any]:
    """``[function(*each) for each in arguments]`` in ``jobs`` workers, or here if 1. UserError, if a worker dies."""
    if jobs == 1:
        with one_thread():
            return [function(*each) for each in arguments]
    from pebble import ProcessExpired

    pool, waiting, found = workers(jobs, jobs), deque[Future[Any]](), list[Any]()
    try:
        for each in arguments:
            waiting.append(submit(pool, function, *each))
            if len(waiting) > 2 * jobs:
                found.append(waiting.popleft().result())
        return found + [future.result() for future in waiting]
    except BaseException as error:
        end_workers()
        if isinstance(error, ProcessExpired | BrokenProcessPool):
            raise UserError(f"{function.__name__}: its worker process died ({death(error)})") from error
        raise


def workers(jobs: int, count: int) -> "ProcessPool":
    """The pool, with a worker for each of ``count`` tasks but at most ``jobs``; a new one if the old one is stale."""
    global _pool, _size, _started
    from multiprocessing import get_context

    from pebble import ProcessPool

    needed = max(1, min(jobs, count))
    if _pool is None or not _pool.active or not needed <= _size <= jobs or _code_changed():
        end_workers()
        _started, _size = time.time(), needed
        _pool = ProcessPool(needed, initializer=_start, initargs=[os.getpid()], context=get_context("spawn"))
    return _pool


def submit(pool: "ProcessPool", function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
    """Let a worker call ``function``."""
    # Pickled here: pebble unpickles what it sends before it notes who works on it, and an import may end the process.
    return pool.schedule(_call, args=(pickle.dumps((function, arguments)),))


def end_workers() -> None:
    """End the workers and what they hold; the next call starts others."""
    global _pool
    if _pool is not None:
        _pool.stop()
        _pool.join()
        _pool = None


def death(error: BaseException) -> str:
    """How the worker ended that ``error`` tells of: "killed by signal 9 (SIGKILL)", "exit code 3"."""
    code = getattr(error, "exitcode", 0)
    return f"exit code {code}" if code >= 0 else f"killed by signal {-code} ({signal.Signals(-code).name})"


def _call(order: bytes) -> Any:
    function, arguments = pickle.loads(order)  # made by `submit` of this process's parent
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    return function(*arguments)


def _start(parent: int) -> None:
    """Once a worker: one thread, and an end when the parent ends (pebble leaves Ctrl-C to the parent)."""
    os.environ |= LIMITS  # for libraries that are still to be loaded

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _code_changed() -> bool:
    """Whether a source file that is loaded here, and no library's, changed since the pool started."""
    libraries = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
    files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    own = {file for file in files if file.endswith(".py") and not file.startswith(libraries)}
    return any(os.path.exists(file) and os.stat(file).st_mtime > _started for file in own)
