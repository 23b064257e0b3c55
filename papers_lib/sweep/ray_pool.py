"""Tasks to outcomes on the nodes of a Ray cluster; without one, Ray starts an instance on this machine.

The cache, the data set and this code are read from a file system that all nodes share, under the same paths.
"""

import math
import os
import platform
import socket
import sys
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from papers_lib.errors import UserError
from papers_lib.processes import LIMITS, on_gpu
from papers_lib.sweep.pool import Outcome, Task, died, execute_in_worker

ATTEMPTS = 3  # a run has died when its worker or node was lost as often
MEMORY = 100 * 2**20  # bytes of Ray's object store: tasks and outcomes are small, results go to the cache


def outcomes_on_ray(tasks: list[Task], jobs: int, say: Callable[[str], None]) -> Generator[Outcome]:
    """Execute tasks, longest first, as many at once as ``jobs`` says or, where that is 0, as the cluster takes.

    Raises:
        UserError: Ray is unreachable or has less than is asked for, or a node cannot work on a task.
    """
    _connect()
    import ray
    from ray.exceptions import RayError, RayTaskError

    at_once, share = slots(jobs, tasks[0].device, ray.cluster_resources())
    say(f"Ray: {sum(node['Alive'] for node in ray.nodes())} nodes, {at_once} runs at once")
    # Ray itself never repeats a run: it would not say so. A worker serves one run, so that memory is given back.
    on_node = ray.remote(max_retries=0, max_calls=1, **share)(execute_on_node)
    waiting, running = sorted(tasks, key=Task.cost, reverse=True), dict[Any, Task]()
    lost: Counter[str] = Counter()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                task = waiting.pop(0)
                running[on_node.remote(task)] = task
            (done, *_), _ = ray.wait(list(running))
            task = running.pop(done)
            try:
                outcome = ray.get(done)
            except RayTaskError as error:  # not of the run itself: of what is done around it
                raise UserError(_last_line(error.cause or error)) from error
            except RayError as error:
                lost[task.key] += 1
                outcome = died(task, f"Ray lost its worker {ATTEMPTS} times")
                if outcome.result["status"] == "died" and lost[task.key] < ATTEMPTS:
                    say(
                        f"Ray lost a worker ({type(error).__name__}); {task.label} goes on from its checkpoint"
                    )
                    waiting.insert(0, task)
                    continue
            yield outcome
    finally:
        for one in running:
            ray.cancel(one, force=True)


def execute_on_node(task: Task) -> Outcome:
    """Execute a task on whichever node Ray chose.

    Raises:
        UserError: the node does not see the sweep's folders, or has other code or libraries.
    """
    for place, what in ((task.folder, "the cache"), (task.data_root, "the data set")):
        if not Path(place).exists():
            raise UserError(
                f"Ray node {platform.node()}: {place} ({what}) is not there; "
                "expected a file system that all nodes share, under the same paths"
            )
    return execute_in_worker(task)


def slots(jobs: int, device: str, resources: dict[str, float]) -> tuple[int, dict[str, float]]:
    """Runs at once, and what each of them takes of the cluster, whose ``resources`` are as Ray counts them.

    Raises:
        UserError: the cluster has no GPU for runs that need one, or too few CPUs.

    >>> slots(0, "cpu", {"CPU": 48.0})
    (48, {'num_cpus': 1})
    >>> slots(6, "cuda", {"CPU": 48.0, "GPU": 4.0})
    (6, {'num_cpus': 1, 'num_gpus': 0.5})
    """
    cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    if on_gpu(device) and not gpus:
        raise UserError(f"device {device}: the Ray cluster has no GPU; expected nodes started with GPUs")
    at_once = jobs or (gpus if on_gpu(device) else cpus)
    if at_once > cpus:
        raise UserError(f"jobs={jobs}: the Ray cluster has {cpus} CPUs; expected {at_once} at least")
    if not on_gpu(device):
        return at_once, {"num_cpus": 1}
    return at_once, {"num_cpus": 1, "num_gpus": 1 / math.ceil(at_once / gpus)}


def _connect() -> None:
    """Join the cluster of ``RAY_ADDRESS``, else the one that ``ray start`` left on this machine, else start one."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray reports its use over the network
    os.environ.setdefault(
        "RAY_ENABLE_AUTO_CONNECT", "0"
    )  # else a thread left over starts an instance at exit
    import ray

    if ray.is_initialized():
        return
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "logging_level": "error"}
    options["runtime_env"] = {"env_vars": {**LIMITS, "PYTHONPATH": path}}
    address = os.environ.get("RAY_ADDRESS", "")
    _check_answers(address)
    try:
        if address != "local":
            ray.init(address="auto", **options)
            return
    except (ConnectionError, RuntimeError, ValueError) as error:
        if address:
            raise UserError(f"RAY_ADDRESS={address}: no Ray cluster there ({_last_line(error)})") from error
    try:
        ray.init("local", include_dashboard=False, object_store_memory=MEMORY, **options)
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


def _last_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()[:300]
