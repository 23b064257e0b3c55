"""The same worker processes for all that a notebook computes: data sets, features and the runs of its sweeps.

A new worker imports torch and the networks, which takes seconds; small data sets and short runs take less. joblib
keeps its workers from one call to the next only where both were made with the very same settings.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from papers_lib.sweep.digest import code_digest
from papers_lib.sweep.encoding import json_digest
from papers_lib.sweep.workers import start_worker

LEAK = 8 * 2**30
"""Bytes by which a worker may grow before joblib takes that for a leak and replaces it, with a warning.

joblib's own limit, 0.3 GB beyond the first task, is less than a network's import and its features on disk come to.
"""

_fingerprints: dict[Path, str] = {}
_changes = [0]


def settings(module: str) -> dict[str, Any]:
    """Settings of ``joblib.parallel_config`` for workers that know ``module`` as its files are now.

    A pool that was started before a source file or a data set changed (:func:`note_data`) has others, and thereby
    ends when the next is asked for.

    Args:
        module: dotted name of the module that defines the runs.
    """
    made_for = json_digest({"code": code_digest([module]), "changes": _changes[0]})
    return {
        "backend": "loky",
        "inner_max_num_threads": 1,
        "initializer": _start,
        "initargs": (os.getpid(), made_for),
    }


def note_data(root: Path, fingerprint: str) -> None:
    """Say what the folder ``root`` holds; workers keep what they opened, so another content wants new ones."""
    if _fingerprints.setdefault(root, fingerprint) != fingerprint:
        _fingerprints[root] = fingerprint
        _changes[0] += 1


@contextmanager
def one_pool(run: Callable[..., Any]) -> Iterator[None]:
    """Let every ``joblib.Parallel`` in the block (or the decorated function) use the workers of the sweep of ``run``.

    They work with one thread each, leave Ctrl-C to this process and end when it does.
    """
    from joblib import parallel_config

    with parallel_config(**settings(run.__module__)):
        yield


def end_workers() -> None:
    """End the workers that joblib keeps for its next call, and what they hold on a GPU."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def _start(parent: int, _made_for: str) -> None:
    """Once a worker."""
    from joblib.externals.loky import process_executor

    process_executor._MAX_MEMORY_LEAK_SIZE = LEAK
    start_worker(parent)
