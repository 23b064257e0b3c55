"""``SLUG.status.json``: how the last run of a page went, and the lock that keeps two runs apart.

The companion keeps its own record because papermill saves a notebook whose kernel was killed as completed.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from papers_lib import files
from papers_lib.companion import paths, provenance
from papers_lib.errors import UserError

State = Literal["running", "succeeded", "failed", "killed", "interrupted", "incomplete"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        state: one of the states above.
        message: one line that says why; empty for a success.
        cell: number of the code cell, as JupyterLab would count it (0: none in particular).
        error: name of the exception.
    """

    state: State
    message: str = ""
    cell: int = 0
    error: str = ""


def path(out: Path, slug: str) -> Path:
    """The status file of a page."""
    return out / f"{slug}.status.json"


def write(out: Path, slug: str, profile: str, start: str, outcome: Outcome) -> None:
    """Write the status of a run that began at ``start``, atomically."""
    me = psutil.Process()  # its start, too: a pid alone may be another process's by now
    status = {
        "slug": slug,
        "profile": profile,
        "start": start,
        "pid": me.pid,
        "pid_started": me.create_time(),
    }
    end = {} if outcome.state == "running" else {"end": provenance.now()}
    files.write_json(path(out, slug), {**status, **vars(outcome), **end})


def read(out: Path, slug: str) -> dict[str, Any] | None:
    """The status of a page, None if never run; a ``running`` one whose process is gone reads ``killed``."""
    status = provenance.read_json(path(out, slug))
    if not status or status.get("state") != "running":
        return status
    try:
        alive = abs(psutil.Process(status["pid"]).create_time() - status["pid_started"]) < 2
    except psutil.NoSuchProcess:
        alive = False
    gone = {"state": "killed", "message": f"the process of this run ({status['pid']}) is gone"}
    return status if alive else {**status, **gone}


@contextmanager
def lock(out: Path, slug: str) -> Iterator[Path]:
    """Hold the only right to run a page; yields its scratch folder.

    The lock is the system's (flock), so that of a killed run is free at once; the pid in the file is for the
    message only.

    Raises:
        UserError: another process is running this page, or the folder cannot be written to.
    """
    work = paths.work_folder(out, slug)
    try:
        work.mkdir(parents=True, exist_ok=True)
        handle = os.open(work / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror})") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 20).decode() or "unknown"
            raise UserError(f"{slug}: process {holder} is already running this page in {out.name}") from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield work
    finally:
        os.close(handle)
