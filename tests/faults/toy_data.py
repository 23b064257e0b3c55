"""A generated data set that takes its time: while it is being written, another command can come."""

import time
from dataclasses import dataclass
from pathlib import Path

from data_gen import store
from papers_lib.companion import paths


@dataclass(frozen=True)
class Numbers:
    """What the set depends on."""

    count: int = 3


def write(folder: Path, spec: Numbers) -> None:
    """Write half of it, wait, write the rest."""
    (folder / "first.txt").write_text("1")
    time.sleep(2)
    (folder / "rest.txt").write_text("2 3")


def make() -> None:
    """Make the set where it is absent, and look whether it is whole."""
    root = store.ensure(paths.data_folder(), "numbers", Numbers(), write)
    assert (root / "rest.txt").is_file()
