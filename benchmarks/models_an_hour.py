"""Models an hour by the number of processes: the real sweep into an empty cache, the start of its processes included.

Every model of a paper is the same but for its seed. A pool is started anew for every row; the more models, the less its
start counts, so that a long sweep is a little faster. One process means this one, which has its libraries loaded.
"""

import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.small_works import WORKS, Work
from papers_lib.companion import paths, profiles
from papers_lib.companion.machine import cores
from papers_lib.errors import UserError
from papers_lib.sweep.core import sweep
from papers_lib.sweep.one_pool import end_workers
from papers_lib.sweep.records import STORED

MODELS = 4  # a row, or one a process where there are more


def table(
    device: str = "cpu",
    profile: str = "quick",
    slugs: Iterable[str] = tuple(WORKS),
    counts: Iterable[int] = (),
    models: int = MODELS,
) -> list[dict[str, Any]]:
    """A row a paper and number of processes, over one process.

    Args: profile, whose data it is; counts, of processes, 1, 2 and all cores if none; models, a row at least.
    Raises: UserError, a model that did not end with a result.
    """
    root, rows = paths.repo_root(), list[dict[str, Any]]()
    every = sorted({1, *(counts or (2, cores()))})
    for slug in slugs:
        work = WORKS[slug](profiles.resolve(root, slug, profile), paths.data_folder(), device)
        sizes = {count: max(models, count) for count in every}
        rates = {count: rate(work, count, size, device) for count, size in sizes.items()}
        rows += [_row(slug, work, count, sizes[count], found, rates[1]) for count, found in rates.items()]
    return rows


def rate(work: Work, processes: int, models: int, device: str) -> float:
    """Models an hour of a sweep over ``models`` seeds."""
    configs = [replace(work.config, seed=seed) for seed in range(models)]
    end_workers()  # else this sweep would start none
    with tempfile.TemporaryDirectory(prefix="papers-benchmark-") as cache:
        start = time.perf_counter()
        records = sweep(
            work.run, configs, data=work.data, cache=Path(cache), jobs=processes, device=device, say=_quiet
        )
        seconds = time.perf_counter() - start
    end_workers()
    for one in records:
        if one.status not in STORED:
            raise UserError(f"{one.label}: {one.status} ({one.reason}), expected a result")
    return 3600 * models / seconds


def _quiet(line: str) -> None:
    pass


def _row(slug: str, work: Work, count: int, models: int, found: float, alone: float) -> dict[str, Any]:
    return {
        "key": f"{slug}_{count}",
        "step": f"{work.what}; {count} process{'es' if count > 1 else ''}",
        "network": work.network,
        "size": f"{models} models, {work.size}",
        "value": round(found, 1),
        "unit": "models an hour",
        "ratio": round(found / alone, 3),
        "over": "one process",
    }
