"""Tasks to outcomes: in this process, or in a pool of processes that survives the death of a worker."""

import warnings
from collections.abc import Callable, Generator
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing

from papers_lib.errors import UserError
from papers_lib.sweep.digest import loaded_before_change
from papers_lib.sweep.one_pool import end_workers, note_data, settings
from papers_lib.sweep.own_process import execute_alone
from papers_lib.sweep.records import Store, Unusable
from papers_lib.sweep.workers import (
    Outcome,
    Task,
    execute,
    execute_in_worker,
    one_thread,
)


def cost(task: Task) -> float:
    """What the config says its run costs, in any unit; 1 where it says nothing."""
    known = getattr(task.config, "cost", None)
    return float(known()) if callable(known) else 1.0


def outcomes_of(tasks: list[Task], jobs: int, say: Callable[[str], None]) -> Generator[Outcome]:
    """Execute tasks, longest first where they tell their cost.

    A run that found no room on a GPU beside others is repeated after them, alone in a process of its own.
    """
    crowded: dict[str, Task] = {}
    with closing(_outcomes(tasks, jobs, say)) as outcomes:
        for outcome in outcomes:
            if outcome.crowded and jobs > 1:
                crowded |= {task.key: task for task in tasks if task.key == outcome.key}
            else:
                yield outcome
    if crowded:
        say(f"no room on the GPU beside other runs; runs to repeat one at a time: {len(crowded)}")
        end_workers()  # what they keep on the GPU is room, too
    for task in crowded.values():
        yield execute_alone(task)


def _outcomes(tasks: list[Task], jobs: int, say: Callable[[str], None]) -> Generator[Outcome]:
    tasks = sorted(tasks, key=cost, reverse=True)
    if tasks and jobs == 1:
        yield from _here(tasks)
    pending = {task.key: task for task in tasks if jobs > 1}
    while pending:
        try:
            with closing(_pool(list(pending.values()), jobs)) as outcomes:
                for outcome in outcomes:
                    del pending[outcome.key]
                    yield outcome
        except BrokenProcessPool:  # one death ends the whole pool
            marked = [task for task in pending.values() if task.marker.exists()]
            suspects = marked or list(pending.values())[:jobs]  # none marked: it died before it began
        else:
            return
        say(f"a worker process died; runs to repeat, each in a process of its own: {len(suspects)}")
        for task in suspects:
            yield stored(task) or execute_alone(task)
            del pending[task.key]


def stored(task: Task) -> Outcome | None:
    """The outcome of a run whose worker was killed after it had stored the result."""
    try:
        result = Store(task.folder).load(task.key)
    except Unusable:
        return None
    return None if result is None else Outcome(task.key, result, None)


def _here(tasks: list[Task]) -> Generator[Outcome]:
    import psutil

    old = loaded_before_change([tasks[0].run.__module__], psutil.Process().create_time())
    if old:
        raise UserError(f"{old[0]} changed after this process loaded it: restart it, or use two jobs or more")
    for task in tasks:
        with one_thread():
            outcome = execute(task)
        yield outcome


def _pool(tasks: list[Task], jobs: int) -> Generator[Outcome]:
    from joblib import Parallel, delayed, parallel_config

    note_data(tasks[0].data_root, tasks[0].components["data"])
    # At least two: joblib takes one as "in this process", where a death would end the sweep.
    processes = max(2, min(jobs, len(tasks)))
    with parallel_config(**settings(tasks[0].run.__module__)):
        parallel = Parallel(n_jobs=processes, return_as="generator_unordered", batch_size=1)
        outcomes = parallel(delayed(execute_in_worker)(task) for task in tasks)
    try:
        for outcome in outcomes:  # noqa: UP028 (`yield from` would close it outside of the block below)
            yield outcome
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib tells how many runs were cancelled
            outcomes.close()
