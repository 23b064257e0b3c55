"""Many runs: each computed once, cached, resumable, in processes that cannot harm one another.

A run is a pure function of its config and the data; its key is the hash of all that its result depends on.
"""

import importlib.util
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Literal

from papers_lib.errors import UserError
from papers_lib.files import write_text
from papers_lib.processes import end_workers, processes
from papers_lib.sweep import progress
from papers_lib.sweep.cache import Store, Unusable, json_digest, plain, why_stale
from papers_lib.sweep.digest import changed_since, code_digest, library_versions, patched
from papers_lib.sweep.pool import Outcome, Task, outcomes_of
from papers_lib.sweep.records import Context, Record

Run = Callable[[Any, Context], dict[str, Any]]
Say = Callable[[str], None]
BACKENDS = ("processes", "ray")
VARIABLE = "PAPERS_BACKEND"

_kept: list["tempfile.TemporaryDirectory[str]"] = []  # results that are not cached, until this process ends
_fingerprints: dict[Path, str] = {}


@dataclass(frozen=True)
class DataRef:
    """A data set."""

    root: Path  # its folder; not part of any key, a data set may move
    fingerprint: str  # hash of its content, or of what generated it
    kind: Literal["synthetic data", "real data"]  # generated or not


@dataclass(frozen=True)
class Part:
    """Runs that one call of ``sweep`` computes: one function on one data set.

    The dry run times one config of each ``kind()`` (network, loss, image side) and scales by ``cost()``.
    """

    name: str  # of the data set, for messages
    run: Run
    configs: Sequence[Any]
    data: Callable[[], DataRef]  # opens the data set, making it first where it is synthetic
    images: int  # to train on, for the dry run's estimate
    options: Mapping[str, Any] = field(default_factory=dict)  # further arguments of ``sweep``


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

    A run that raises ``RunFailed`` has a result like any other. Another exception makes it "failed", a killed process
    "died": neither is cached, and neither harms another run. Code that is not what its source file says, patched or
    defined in a notebook, is run in this process and not cached. Scripts call this under ``__name__ == "__main__"``.

    Args:
        configs: frozen dataclasses of one type with ``label()``; where they have ``cost()`` the longest go first.
        cache: folder of results; they lie in a folder of it named after the module of ``run``.
        jobs: processes, one thread each; 1 means this process, 0 one a core, on a GPU as many as its memory takes.
        device, precision, initial_weights: passed on in the context; of the device only its type is part of the key.
        force: compute again what the cache has; so does ``PAPERS_FORCE=1``.
        backend: "processes" of this machine or "ray", a cluster, with the same results; None asks ``PAPERS_BACKEND``.

    Raises: UserError, if the backend is not there, a result cannot be written, or code changed under this process.
    """
    say, backend = say or progress.say, pick_backend(backend)
    force = force or os.environ.get("PAPERS_FORCE") == "1"
    labels = [_label(config, type(configs[0])) for config in configs]
    store = Store(Path(cache).absolute() / run.__module__.partition(".")[0])
    jobs = jobs if backend == "ray" else processes(jobs, device)
    modules = [run.__module__] if _importable(run) else []
    changed = changed_since(modules)
    own = None if changed else _only_here(run, configs)
    if own:
        say(f"{own} is not what its source file says: the runs use it, in this process, and are not cached")
        _kept.append(tempfile.TemporaryDirectory(prefix="papers-uncached-"))
        store, jobs, backend = Store(Path(_kept[-1].name)), 1, "processes"
    shared = components(run, data, device, precision, initial_weights)
    parts = [{**shared, "config_type": type(c).__qualname__, "config": plain(c, "config")} for c in configs]
    keys = [json_digest(part) for part in parts]
    results = {} if force else _cached(store, set(keys), say)
    root = Path(data.root).absolute()
    tasks = {
        key: Task(run, config, label, key, part, store.folder, root, device)
        for config, label, part, key in zip(configs, labels, parts, keys, strict=True)
        if key not in results
    }
    say(_plan(store, len(results), tasks, force))
    if tasks:
        if changed and jobs == 1:
            raise UserError(f"{changed[0]} changed after this process loaded it: restart it, or use two jobs")
        write_text(store.folder / f".probe-{os.getpid()}", "").unlink()  # known before anything is computed
        for key in tasks if force else ():
            store.forget(key)  # a forced sweep that is interrupted goes on without force
        if _fingerprints.setdefault(root, data.fingerprint) != data.fingerprint:
            _fingerprints[root] = data.fingerprint
            end_workers()  # they keep files of the older data open
        start = outcomes_of
        if backend == "ray":
            from papers_lib.sweep.ray_pool import outcomes_on_ray as start
        longest_first = sorted(tasks.values(), key=Task.cost, reverse=True)
        with closing(start(longest_first, jobs, say)) as outcomes:
            for outcome in _reported(outcomes, tasks, say):
                results[outcome.key] = outcome.result
    records = []
    for config, label, key in zip(configs, labels, keys, strict=True):
        found = results[key]
        arrays = store.path(key, ".npz") if found.get("arrays") else None
        records.append(Record(config, label, found["status"], found["reason"], found["metrics"], key, arrays))
    return records


def components(run: Run, data: DataRef, device: str, precision: str, initial_weights: str) -> dict[str, Any]:
    """What every run of a sweep depends on; a key is the hash of it and of the config."""
    modules = [run.__module__] if _importable(run) else []
    return {
        "run": f"{run.__module__}:{run.__name__}",
        "data": data.fingerprint,
        "device": device.partition(":")[0],
        "precision": precision,
        "initial_weights": initial_weights,
        "libraries": library_versions(modules),
        "code": code_digest(modules),
    }


def pick_backend(asked: str | None) -> str:
    """``asked``, else what ``PAPERS_BACKEND`` says, else "processes" (once "loky"); UserError where it is absent."""
    where = "backend" if asked else VARIABLE
    name = asked or os.environ.get(VARIABLE) or "processes"
    if name not in (*BACKENDS, "loky"):
        raise UserError(f"{where}: found {name!r}, expected one of {', '.join(BACKENDS)}")
    if name == "ray" and importlib.util.find_spec("ray") is None:
        raise UserError(f"{where} ray: the package is not installed here: pip install -e '.[ray]'")
    return "processes" if name == "loky" else name


def _only_here(run: Run, configs: Sequence[Any]) -> str | None:
    """What of the code no source file has, or None."""
    things: list[Any] = [run, *map(type, configs[:1])]
    local = [thing.__name__ for thing in things if not _importable(thing)]
    return local[0] if local else patched([run.__module__])


def _importable(thing: Any) -> bool:
    """Whether another process can import it by name: at the top level of a module that is not a script."""
    module = sys.modules.get(thing.__module__)
    there = thing.__module__ != "__main__" and hasattr(module, "__file__")
    return there and getattr(module, thing.__name__, None) is thing


def _label(config: Any, kind: Any) -> str:
    frozen = is_dataclass(kind) and vars(kind)["__dataclass_params__"].frozen
    label = config.label() if frozen and type(config) is kind else ""
    if len(label.splitlines()) != 1:
        raise TypeError(
            f"configs: found {config!r}; expected frozen dataclasses of one type, label() one line"
        )
    return str(label)


def _cached(store: Store, keys: set[str], say: Say) -> dict[str, dict[str, Any]]:
    """Results that the cache has; a line for each that it has and that is not used."""
    found = dict[str, dict[str, Any] | None]()
    for key in sorted(keys):
        try:
            found[key] = store.load(key)
        except Unusable as error:
            say(f"cache entry {key[:12]} is not used ({error}); its run is computed again")
    return {key: result for key, result in found.items() if result is not None}


def _plan(store: Store, cached: int, tasks: dict[str, Task], force: bool) -> str:
    """One line: how many runs are read and how many computed, and why."""
    if not tasks:
        return f"{cached} runs, all read from the cache"
    old = {} if force else store.entries()
    each = tasks.values()
    reasons = Counter("forced" if force else why_stale(old.get(t.label, []), t.components) for t in each)
    why = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f"{cached} runs read from the cache, {len(tasks)} to compute ({why})"


def _reported(outcomes: Iterable[Outcome], tasks: dict[str, Task], say: Say) -> Generator[Outcome]:
    """Pass outcomes on, with a line each; the time left follows from the share of the cost that is done."""
    started, spent, total = time.perf_counter(), 0.0, sum(task.cost() for task in tasks.values())
    for done, outcome in enumerate(outcomes, 1):
        task, status, reason = tasks[outcome.key], outcome.result["status"], outcome.result["reason"]
        spent += task.cost()
        left = (time.perf_counter() - started) * (total / (spent or 1) - 1)
        yield outcome
        shown = f"{status} ({reason})" if reason else status
        took = "" if outcome.seconds is None else f" in {progress.duration(outcome.seconds)}"
        more = "" if done == len(tasks) else f", about {progress.duration(left)} left"
        say(f"[{done:{len(str(len(tasks)))}}/{len(tasks)}] {task.label}: {shown}{took}{more}")
