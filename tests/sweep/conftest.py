"""A folder with toy data and a cache, the lines said, and a count of executions."""

from pathlib import Path
from typing import Any

import pytest

from papers_lib.sweep import DataRef, Record, sweep
from tests.sweep import toy_runs
from tests.sweep.toy_runs import Toy


class Bench:
    """A folder to sweep in."""

    def __init__(self, folder: Path) -> None:
        self.data = DataRef(folder / "data", "fingerprint", "synthetic data")
        self.cache = folder / "cache"
        self.lines: list[str] = []
        self.data.root.mkdir(exist_ok=True)

    def sweep(self, *configs: Toy, **options: Any) -> list[Record]:
        self.lines.clear()
        options = {"data": self.data, "cache": self.cache, "jobs": 1, "say": self.lines.append, **options}
        return sweep(toy_runs.run, configs, **options)

    def log(self) -> list[tuple[int, int]]:
        """(seed, process id) of each execution."""
        log = self.data.root / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [(int(seed), int(pid)) for seed, pid in map(str.split, lines)]

    def executed(self) -> list[int]:
        """Seeds in the order of execution since the last call."""
        seeds = [seed for seed, _ in self.log()]
        (self.data.root / "log").unlink(missing_ok=True)
        return seeds

    def files(self, suffix: str) -> list[Path]:
        return sorted(self.cache.glob(f"*/*{suffix}"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
