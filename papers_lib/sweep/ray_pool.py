"""Tasks to outcomes on the nodes of a Ray cluster (started here if need be), which share a file system."""

import math
import os
import platform
import socket
import sys
from collections.abc import Callable, Generator
from typing import Any

from papers_lib.errors import UserError
from papers_lib.processes import LIMITS, on_gpu
from papers_lib.sweep.pool import Outcome, Task, died, execute_in_worker
from papers_lib.sweep.progress import one_line

RETRIES = 2  # of a run whose worker or node was lost; it goes on from its checkpoint


def outcomes_on_ray(tasks: list[Task], jobs: int, say: Callable[[str], None]) -> Generator[Outcome]:
    """Execute tasks in their order, as many at once as ``jobs`` says or, where that is 0, as the cluster takes."""
    _connect()
    import ray
    from ray.exceptions import RayError, RayTaskError

    share, places = {"num_cpus": 1.0}, int(ray.cluster_resources()["CPU"])
    if on_gpu(tasks[0].device):
        gpus = int(ray.cluster_resources().get("GPU", 0))
        if not gpus:
            raise UserError("device cuda: the Ray cluster has no GPU; expected nodes started with GPUs")
        share["num_gpus"], places = 1 / math.ceil((jobs or gpus) / gpus), gpus
    at_once = jobs or places
    say(f"Ray: {sum(node['Alive'] for node in ray.nodes())} nodes, {at_once} runs at once")
    # A worker serves one run, so that memory is given back.
    on_node = ray.remote(max_retries=RETRIES, max_calls=1, **share)(execute_on_node)
    waiting, running = list(tasks), dict[Any, Task]()
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
                raise UserError(one_line(str(error.cause))) from error
            except RayError as error:
                outcome = died(task, f"Ray lost its worker {RETRIES + 1} times ({type(error).__name__})")
            yield outcome
    finally:
        for one in running:
            ray.cancel(one, force=True)


def execute_on_node(task: Task) -> Outcome:
    """Execute a task on whichever node Ray chose, which must see the sweep's folders and have its code."""
    for place in (task.folder, task.data_root):
        if not place.exists():
            raise UserError(
                f"Ray node {platform.node()}: {place} is not there; expected a shared file system"
            )
    return execute_in_worker(task)


def _connect() -> None:
    """Join the cluster of ``RAY_ADDRESS``, else the one that ``ray start`` left on this machine, else start one."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray reports its use over the network
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # else a thread starts an instance at exit
    import ray

    if ray.is_initialized():
        return
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    address = os.environ.get("RAY_ADDRESS", "")
    host, _, port = address.rpartition(":")
    try:
        if host and port.isdigit():  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        quiet = {"include_dashboard": False, "log_to_driver": False, "configure_logging": False}
        ray.init(runtime_env={"env_vars": {**LIMITS, "PYTHONPATH": path}}, logging_level="error", **quiet)
    except Exception as error:  # Ray raises no class of its own here
        raise UserError(f"RAY_ADDRESS={address}: no Ray cluster ({one_line(str(error))})") from error
