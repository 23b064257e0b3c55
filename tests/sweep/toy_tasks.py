"""A task of a toy run, as a sweep makes it."""

from pathlib import Path

import toy_runs
from toy_runs import Toy

from papers_lib.sweep.digest import code_digest
from papers_lib.sweep.encoding import json_digest
from papers_lib.sweep.workers import Task


def task_of(folder: Path, config: Toy) -> Task:
    """Cache, data and scratch are all ``folder``."""
    parts = {"precision": "float32", "initial_weights": "random", "code": code_digest(["toy_runs"])}
    return Task(
        toy_runs.run, config, config.label(), json_digest(parts), parts, folder, folder, "cpu", folder
    )
