"""Many runs: each computed once, cached, resumable, in processes that cannot harm one another.

A run is a pure function of its config and the data. Its key is the hash of all that its result depends on; a
key that the cache holds is read, the others are computed and stored the moment they end.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, Literal

from papers_lib.errors import UserError
from papers_lib.sweep import progress
from papers_lib.sweep.backends import pick_backend
from papers_lib.sweep.context import Context, RunFailed
from papers_lib.sweep.digest import code_digest, library_versions
from papers_lib.sweep.encoding import encode, json_digest
from papers_lib.sweep.pool import cost, outcomes_of
from papers_lib.sweep.ray_pool import outcomes_on_ray
from papers_lib.sweep.records import Record, Store, Unusable, records_frame
from papers_lib.sweep.staleness import explain_stale
from papers_lib.sweep.workers import Outcome, Task
from papers_lib.training.devices import processes

__all__ = [
    "Context",
    "DataRef",
    "Record",
    "RunFailed",
    "components",
    "explain_stale",
    "records_frame",
    "sweep",
]

Run = Callable[[Any, Context], dict[str, Any]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class DataRef:
    """A data set.

    Attributes:
        root: its folder; not part of any key, a data set may move.
        fingerprint: hash of its content, or of what generated it.
        kind: "stand-in" (generated) or "real data".
    """

    root: Path
    fingerprint: str
    kind: Literal["stand-in", "real data"]


def sweep(
    run: Run,
    configs: Sequence[Any],
    *,
    data: DataRef,
    cache: Path,
    jobs: int = 0,
    device: str = "cpu",
    precision: str = "float32",
    initial_weights: str = "random",
    force: bool = False,
    say: Say | None = None,
    backend: str | None = None,
) -> list[Record]:
    """Compute what the cache lacks and return one record a config, in the order of ``configs``.

    A run that raises ``RunFailed`` has a result like any other. Another exception makes it "failed", a killed
    process "died": neither is cached, and neither harms another run. After a death the runs that were under
    way are repeated one at a time, each in a process of its own, so that only the culprit is lost.

    Args:
        run: module-level function ``run(config, context) -> metrics``, a pure function of config and data.
        configs: frozen dataclasses of one type with ``label() -> str``; where they have ``cost() -> float``
            the longest go first.
        data: the data set.
        cache: folder of results; they lie in a folder of it named after the module of ``run``.
        jobs: processes, one thread each; 1 means this process, 0 one a physical core on the CPU, 1 on a GPU.
        device: device to train on; only its type ("cuda" of "cuda:1") is part of the key.
        precision, initial_weights: passed on in the context, part of the key.
        force: compute again what the cache has; so does the environment variable ``PAPERS_FORCE=1``, which
            ``papers run --force`` sets for its notebook.
        say: takes a line of progress; ``progress.say`` if None.
        backend: "loky", processes of this machine, or "ray", a cluster (``ray_pool``; its jobs count over all
            nodes); None takes the environment variable ``PAPERS_BACKEND``, which ``papers run --backend`` sets
            for its notebook, else "loky". Results do not depend on it.

    Raises:
        TypeError: ``run`` or a config is not of the kind described.
        UserError: ``jobs`` is negative, the backend is not there, a result cannot be written, or code changed
            under a process that had loaded it.
    """
    say, backend = say or progress.say, pick_backend(backend)
    force = force or os.environ.get("PAPERS_FORCE") == "1"
    if not _importable(run):
        raise TypeError(f"run={run!r}: expected a function at the top level of an importable module")
    labels = [_label(config, type(configs[0])) for config in configs]
    if jobs < 0:
        raise UserError(f"jobs={jobs}: expected 0 (choose) or a positive number of processes")
    store = Store(Path(cache).absolute() / run.__module__.partition(".")[0])
    shared = components(run, data, device, precision, initial_weights)
    parts = [{**shared, **_config_parts(config)} for config in configs]
    keys = [json_digest(part) for part in parts]
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{store.folder}: cannot be made a folder ({error.strerror})") from error
    results, unusable = _cached(store, set() if force else set(keys))
    for key, why in sorted(unusable.items()):
        say(f"cache entry {key[:12]} is not used ({why}); its run is computed again")
    # The nodes of a cluster share the cache's file system, and no other folder for sure.
    missing, root = set(keys) - results.keys(), Path(data.root).absolute()
    with _scratch_folder(store.folder if backend == "ray" and missing else None) as scratch:
        tasks = {
            key: Task(run, config, label, key, part, store.folder, root, device, Path(scratch))
            for config, label, part, key in zip(configs, labels, parts, keys, strict=True)
            if key in missing
        }
        if force:
            for key in tasks:
                store.forget(key)  # a forced sweep that is interrupted goes on without force
        say(_plan(store, len(results), list(tasks.values()), force))
        computed = (
            outcomes_on_ray(list(tasks.values()), jobs, say)
            if backend == "ray"
            else outcomes_of(list(tasks.values()), processes(jobs, device), say)
        )
        with closing(computed) as outcomes:
            for outcome in _reported(outcomes, tasks, say):
                results[outcome.key] = outcome.result
    return [
        store.record(config, label, key, results[key])
        for config, label, key in zip(configs, labels, keys, strict=True)
    ]


def components(run: Run, data: DataRef, device: str, precision: str, initial_weights: str) -> dict[str, Any]:
    """What every run of a sweep depends on; a key is the hash of it and of the config."""
    module = run.__module__
    return {
        "run": f"{module}:{run.__name__}",
        "data": data.fingerprint,
        "device": device.partition(":")[0],
        "precision": precision,
        "initial_weights": initial_weights,
        "libraries": library_versions([module]),
        "code": code_digest([module]),
    }


def _scratch_folder(parent: Path | None) -> "tempfile.TemporaryDirectory[str]":
    """A private folder, in ``parent`` or else in the system's place for such."""
    try:
        return tempfile.TemporaryDirectory(prefix=".papers-sweep-", dir=parent)
    except OSError as error:
        where = parent or "the folder of temporary files"
        raise UserError(f"{where}: cannot be written ({error.strerror})") from error


def _config_parts(config: Any) -> dict[str, Any]:
    return {"config_type": type(config).__qualname__, "config": encode(config, type(config).__name__)}


def _importable(thing: Any) -> bool:
    """Whether another process can import it by name: at the top level of a module that is not a script."""
    module = getattr(thing, "__module__", "")
    return (
        module != "__main__"
        and getattr(sys.modules.get(module), getattr(thing, "__name__", ""), None) is thing
    )


def _label(config: Any, kind: Any) -> str:
    name = type(config).__name__
    if type(config) is not kind:
        raise TypeError(f"configs: {name} found among {kind.__name__}; expected one type")
    frozen = is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    if not frozen or not _importable(kind):
        raise TypeError(f"configs: {name} found; expected a frozen dataclass of an importable module")
    label = config.label() if callable(getattr(config, "label", None)) else None
    if not isinstance(label, str) or not label or len(label.splitlines()) != 1:
        raise TypeError(f"{name}.label() gives {label!r}; expected one line of text")
    return label


def _cached(store: Store, keys: set[str]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Results that the cache has, and why some that it has are not used."""
    results, unusable = {}, {}
    for key in keys:
        try:
            found = store.load(key)
        except Unusable as error:
            unusable[key] = str(error)
        else:
            if found is not None:
                results[key] = found
    return results, unusable


def _plan(store: Store, cached: int, tasks: list[Task], force: bool) -> str:
    """One line: how many runs are read and how many computed, and why."""
    if not tasks:
        return f"{cached} runs, all read from the cache"
    entries = {} if force else store.entries()
    reasons = Counter("forced" if force else explain_stale(entries, t.label, t.components) for t in tasks)
    why = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common(3))
    more = f"; {len(reasons) - 3} other reasons" if len(reasons) > 3 else ""
    return f"{cached} runs read from the cache, {len(tasks)} to compute ({why}{more})"


def _reported(outcomes: Iterable[Outcome], tasks: dict[str, Task], say: Say) -> Generator[Outcome]:
    """Pass outcomes on, with a line each; the time left follows from the share of the cost that is done."""
    started, spent, total = time.perf_counter(), 0.0, sum(map(cost, tasks.values()))
    for done, outcome in enumerate(outcomes, 1):
        task = tasks[outcome.key]
        spent += cost(task)
        eta = (time.perf_counter() - started) * (total / spent - 1) if spent else None
        status, reason = outcome.result["status"], outcome.result["reason"]
        record = Record(task.config, task.label, status, reason, {}, task.key)
        yield outcome
        say(progress.progress_line(done, len(tasks), record, outcome.seconds, eta))
