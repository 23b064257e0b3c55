"""Tasks to outcomes on the nodes of a Ray cluster, through joblib's Ray backend.

Without a cluster, Ray starts an instance on this machine. Every run gets an actor of its own (one CPU; on GPUs a
share of one), and in it a process of its own, as a repeated run of the ordinary pool does: what kills a run harms
neither its actor nor another run. The cache, the data set and this code are read from a file system that all
nodes share, under the same paths; a node that does not see them says so.
"""

import logging
import math
import os
import platform
import socket
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from papers_lib.errors import UserError
from papers_lib.sweep.own_process import execute_order, ordered
from papers_lib.sweep.pool import cost, stored
from papers_lib.sweep.progress import one_line
from papers_lib.sweep.workers import ORPHANED, POLL, Outcome, Task
from papers_lib.training.devices import processes
from papers_lib.training.gpu import on_gpu

LOSSES = 3  # a run under way is given up when its node or actor was lost as often
OBJECTS = 100 * 2**20  # bytes of Ray's object store: tasks and outcomes are small, results go to the cache


def outcomes_on_ray(tasks: list[Task], jobs: int, say: Callable[[str], None]) -> Generator[Outcome]:
    """Execute tasks, longest first where they tell their cost.

    As many at once as ``jobs`` says or, where that is 0, as the cluster takes. Ray never repeats a run by itself: a
    run whose node or actor was lost goes on from its checkpoint, and a line says how many there are.

    Raises:
        UserError: Ray is unreachable or has less than is asked for, or a node cannot work on a task.
    """
    if not tasks:
        return
    from ray.exceptions import RayError, RayTaskError

    _connect(jobs)
    at_once, share = slots(jobs, tasks[0].device, _resources())
    say(f"Ray: {_nodes()}, {at_once} runs at once")
    pending = {task.key: task for task in sorted(tasks, key=cost, reverse=True)}
    losses: Counter[str] = Counter()
    while pending:
        try:
            with closing(_pool(list(pending.values()), at_once, share)) as outcomes:
                for outcome in outcomes:
                    del pending[outcome.key]
                    yield outcome
        except RayTaskError as error:  # not of the run, which has its own process: of what Ray does around it
            raise UserError(f"a Ray worker cannot take a run: {_last_line(error)}") from error
        except RayError as error:
            marked = [task for task in pending.values() if task.marker.exists()]
            lost = marked or list(pending.values())[:at_once]  # none marked: it was lost before it began
            say(f"Ray lost a worker ({type(error).__name__}); runs to go on with: {len(lost)}")
        else:
            return
        for task in lost:
            task.marker.unlink(missing_ok=True)
            losses[task.key] += 1
            known = stored(task)
            if known is None and losses[task.key] == LOSSES:
                result = {"status": "died", "reason": f"Ray lost its worker {LOSSES} times", "metrics": {}}
                known = Outcome(task.key, result, None)
            if known is not None:
                del pending[task.key]
                yield known


def slots(jobs: int, device: str, resources: dict[str, float]) -> tuple[int, dict[str, float]]:
    """Runs at once, and what each of their actors takes of the cluster.

    joblib takes one process as "in this process", so that there are two actors at least; both must have a place.

    Args:
        jobs: asked for; 0 means one a CPU of the cluster, or one a GPU where runs train on GPUs.
        device: of the runs.
        resources: of the whole cluster, as Ray counts them.

    Raises:
        UserError: the cluster has no GPU for runs that need one, or too few CPUs.

    >>> slots(0, "cpu", {"CPU": 48.0})
    (48, {'num_cpus': 1})
    >>> slots(6, "cuda", {"CPU": 48.0, "GPU": 4.0})
    (6, {'num_cpus': 1, 'num_gpus': 0.5})
    """
    cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    on_gpus = on_gpu(device)
    if on_gpus and not gpus:
        raise UserError(f"device {device}: the Ray cluster has no GPU; expected nodes started with GPUs")
    at_once = jobs or (gpus if on_gpus else cpus)
    if max(2, at_once) > cpus:
        raise UserError(f"jobs={jobs}: the Ray cluster has {cpus} CPUs; expected {max(2, at_once)} at least")
    if not on_gpus:
        return at_once, {"num_cpus": 1}
    return at_once, {"num_cpus": 1, "num_gpus": 1 / math.ceil(max(2, at_once) / gpus)}


def _connect(jobs: int) -> None:
    """Join the cluster of ``RAY_ADDRESS``, else the one that ``ray start`` left on this machine, else start one."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray reports its use over the network
    os.environ.setdefault(
        "RAY_ENABLE_AUTO_CONNECT", "0"
    )  # else a thread left over starts an instance at exit
    import ray

    if ray.is_initialized():
        return
    for name in ("ray", "ray.util.multiprocessing.pool"):
        logging.getLogger(name).setLevel(logging.ERROR)  # its advice would land on the page
    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    address = os.environ.get("RAY_ADDRESS", "")
    _check_answers(address)
    try:
        if address != "local":
            ray.init(address="auto", **quiet)
            return
    except (ConnectionError, RuntimeError, ValueError) as error:
        if address:
            raise UserError(f"RAY_ADDRESS={address}: no Ray cluster there ({_last_line(error)})") from error
    cpus = max(2, processes(jobs, "cpu"))
    try:
        ray.init("local", num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECTS, **quiet)
    except Exception as error:  # Ray raises no class of its own here
        raise UserError(f"Ray does not start on this machine: {_last_line(error)}") from error


def _check_answers(address: str) -> None:
    """Refuse an address HOST:PORT where nothing listens; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"RAY_ADDRESS={address}: nothing answers there ({error})") from error


def _resources() -> dict[str, float]:
    import ray

    return ray.cluster_resources()


def _nodes() -> str:
    import ray

    count = sum(node["Alive"] for node in ray.nodes())
    return f"{count} nodes" if count > 1 else "1 node"


def _pool(tasks: list[Task], at_once: int, share: dict[str, float]) -> Generator[Outcome]:
    from joblib import Parallel, delayed, parallel_config

    _register()
    at_once = min(at_once, len(tasks))
    # An actor a run: joblib's pool deals runs out in turn, and one that was dealt to a busy actor would wait for it,
    # while a fresh actor goes where Ray finds the first free place.
    with parallel_config(backend="ray", ray_remote_args=share, maxtasksperchild=1):
        parallel = Parallel(
            n_jobs=max(2, at_once), return_as="generator_unordered", batch_size=1, pre_dispatch=at_once
        )
        with NamedTemporaryFile(dir=tasks[0].scratch, suffix=".wanted", delete=False) as wanted:
            pass
        outcomes = parallel(
            delayed(execute_on_node)(str(ordered(task)), str(task.data_root), wanted.name, sys.path)
            for task in tasks
        )
    try:
        for outcome in outcomes:  # noqa: UP028 (`yield from` would close it outside of the block below)
            yield outcome
    finally:
        Path(wanted.name).unlink(missing_ok=True)  # joblib forgets the actors that are at a run
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib tells how many runs were cancelled
            outcomes.close()


def _register() -> None:
    """Register joblib's Ray backend, and say that it can give results one by one.

    joblib denies that of pools like multiprocessing's; Ray's calls back for each result, which is all it takes.
    """
    from joblib.parallel import register_parallel_backend
    from ray.util.joblib.ray_backend import RayBackend

    class Streaming(RayBackend):
        supports_return_generator = True

    register_parallel_backend("ray", Streaming)


def execute_on_node(order: str, data_root: str, wanted: str, path: list[str]) -> Outcome:
    """``execute_order`` on whichever node Ray chose.

    Args:
        order: file of the task, in the scratch folder within the cache.
        data_root: folder of the data set.
        wanted: file that is there as long as somebody waits for the outcome; this process ends when it goes, and
            the run's own process with it.
        path: folders where the sweep looks for modules.

    Raises:
        UserError: the node does not see the sweep's folders; or what ``execute_alone`` raises.
    """
    for place, what in ((order, "the cache"), (data_root, "the data set")):
        if not os.path.exists(place):
            raise UserError(
                f"Ray node {platform.node()}: {place} ({what}) is not there; "
                "expected a file system that all nodes share, under the same paths"
            )
    sys.path += [entry for entry in path if entry not in sys.path]
    threading.Thread(target=_watch, args=(wanted,), name="watch-sweep", daemon=True).start()
    return execute_order(Path(order))


def _watch(wanted: str) -> None:
    while os.path.exists(wanted):
        time.sleep(POLL)
    os._exit(ORPHANED)


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return one_line(lines[-1])[:300] if lines else type(error).__name__
