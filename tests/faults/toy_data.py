"""A generated data set that takes its time: while it is being written, a test can do something else."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data_gen import store
from papers_lib.companion import paths
from papers_lib.errors import UserError

meanwhile: list[Callable[[], object]] = []


@dataclass(frozen=True)
class Numbers:
    """What the set depends on."""

    count: int = 3


def write(folder: Path, spec: Numbers) -> None:
    """Write half of it, do what waits in ``meanwhile``, write the rest."""
    (folder / "first.txt").write_text("1")
    while meanwhile:
        meanwhile.pop()()
    (folder / "rest.txt").write_text("2 3")


def make() -> Path:
    """The folder of the set, made where it is absent."""
    root = store.ensure(paths.data_folder(), "numbers", Numbers(), write)
    if not (root / "rest.txt").is_file():
        raise UserError("half a data set was read")
    return root
