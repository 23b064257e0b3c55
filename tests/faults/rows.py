"""A row of the fault matrix: what goes wrong, what must be seen then, and what is seen without the handling."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.bench import Bench

# What must be unharmed after most faults: the page made before, the results of other runs, the notebook to look into.
PAGE, RUNS, NOTEBOOK = "page", "finished runs", "failed notebook"


@dataclass(frozen=True)
class Observed:
    """What a user sees of a fault.

    Attributes:
        code: exit code of the command.
        says: its lines on stderr, and those of its other lines that are not the ordinary ones. Folders of the test
            stand as "…", keys of runs as KEY, process ids as PID.
        state: of the page's status file afterwards ("" where there is none).
        kept: what is still there and unchanged.
        then: what the next plain ``papers run`` comes to, once the cause is gone.
    """

    code: int
    says: tuple[str, ...]
    state: str = "succeeded"
    kept: tuple[str, ...] = (PAGE, RUNS)
    then: str = "done"


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes:
        name: as docs/faults.md has it.
        provoke: makes it happen in a fresh checkout with a page, and tells what came of it.
        expected: what must come of it.
        disarm: takes away the code that handles it, and nothing else.
        unhandled: part of what is seen then; it must not be part of what is expected.
    """

    name: str
    provoke: "Callable[[Bench], Observed]"
    expected: Observed
    disarm: Callable[[pytest.MonkeyPatch], None]
    unhandled: str
