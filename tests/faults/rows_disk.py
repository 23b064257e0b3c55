"""A disk that is full and folders that are read-only.

Root may write anywhere, whatever the mode of a folder, so the system's answers are injected here: ENOSPC and EROFS
from the calls that write below a folder, and for the checkpoint the real ENOSPC of /dev/full.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from papers_lib import files
from papers_lib.companion import status
from papers_lib.sweep import mishaps, workers
from papers_lib.training import loop as training
from tests.faults.bench import Bench
from tests.faults.rows import NOTEBOOK, PAGE, RUNS, Observed, Row


def _refusing(number: int, below: Callable[[Bench], Path], name: str = "") -> Callable[[Bench], Observed]:
    """A run while nothing can be written to files below a folder whose path holds ``name``."""

    def provoke(bench: Bench) -> Observed:
        folder = str(below(bench))

        def guarded(call: Callable) -> Callable:
            def answer(path: Any, *arguments: Any, **options: Any) -> Any:
                if call.__name__ == "mkdir" and os.path.isdir(path):
                    return call(path, *arguments, **options)  # "File exists" is the system's first answer
                if str(path).startswith(folder) and name in str(path) and _writes(call, arguments):
                    raise OSError(number, os.strerror(number), str(path))
                return call(path, *arguments, **options)

            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "open", guarded(os.open))
            patch.setattr(Path, "write_bytes", guarded(Path.write_bytes))
            patch.setattr(Path, "mkdir", guarded(Path.mkdir))
            patch.setattr(Path, "unlink", guarded(Path.unlink))
            code, lines = bench.papers("run")
        return bench.observe(code, lines)

    return provoke


def _writes(call: Callable, arguments: tuple[Any, ...]) -> bool:
    return call.__name__ != "open" or bool(arguments[0] & (os.O_WRONLY | os.O_RDWR))


def _full_under_checkpoints(bench: Bench) -> Observed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "replacing", lambda path: nullcontext(Path("/dev/full")))
        code, lines = bench.papers("run")
    return bench.observe(code, lines)


def _errors_pass(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(files, "_cannot_be_written", lambda path, error: error)


def _plain_lock(patch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def lock(out: Path, slug: str) -> Iterator[Path]:
        work = out / f".{slug}.work_files"
        os.close(os.open(work / "lock", os.O_RDWR | os.O_CREAT))
        yield work

    patch.setattr(status, "lock", lock)


def _clear_plainly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(workers, "_clear", lambda note: note.unlink(missing_ok=True))


def _torchs_own_words(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mishaps, "_SAVE", set())


_WHY = "RuntimeError: the checkpoint cannot be written; is the disk full? (papers_lib/training/loop.py:N)"
ROWS = [
    Row(
        "disk full at the cache",
        _refusing(errno.ENOSPC, lambda bench: bench.cache, ".json"),
        Observed(
            1,
            (
                "papers: toy: failed: …/cache/toy_training/KEY.json: cannot be written (No space left on device)",
            ),
            "failed",
            (PAGE, RUNS, NOTEBOOK),
            "done, 2 computed",
        ),
        _errors_pass,
        "code cell 3: OSError: [Errno 28]",
    ),
    Row(
        "disk full at the page",
        _refusing(errno.ENOSPC, lambda bench: bench.page, "toy.html"),
        Observed(
            1,
            (
                "papers: toy: failed: …/reports/quick/.toy.work_files/out/toy.html: cannot be written "
                "(No space left on device)",
            ),
            "failed",
            (PAGE, RUNS, NOTEBOOK),
        ),
        _errors_pass,
        ".tmp: No space left",
    ),
    Row(
        "disk full at a checkpoint",
        _full_under_checkpoints,
        Observed(
            1,
            (
                f"toy: [1/2] toy 4: failed ({_WHY})",
                f"toy: [2/2] toy 5: failed ({_WHY})",
                f"papers: toy: incomplete: toy: 2 of 6 rows are of runs that did not end (failed: {_WHY}); "
                "run again: the others are in the cache",
            ),
            "incomplete",
            (PAGE, RUNS, NOTEBOOK),
            "done, 2 computed",
        ),
        _torchs_own_words,
        "enforce fail",
    ),
    Row(
        "read-only cache",
        _refusing(errno.EROFS, lambda bench: bench.cache),
        Observed(
            1,
            ("papers: toy: failed: …/cache/toy_training: cannot be written (Read-only file system)",),
            "failed",
            (PAGE, RUNS, NOTEBOOK),
            "done, 2 computed",
        ),
        _clear_plainly,
        "code cell 3: OSError: [Errno 30]",
    ),
    Row(
        "read-only folder of reports",
        _refusing(errno.EROFS, lambda bench: bench.root / "reports"),
        Observed(
            1,
            ("papers: …/reports/quick: cannot be written (Read-only file system)",),
            then="done, 2 computed",
        ),
        _plain_lock,
        "Traceback: OSError",
    ),
]
