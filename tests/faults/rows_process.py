"""Processes that are killed or interrupted, and two commands at once."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from data_gen import store
from papers_lib.companion import execute, status
from papers_lib.sweep import pool
from tests.faults import checkout, quick_kernel, toy_data
from tests.faults.bench import NEW, Bench
from tests.faults.rows import NOTEBOOK, PAGE, RUNS, Observed, Row

_MAKE = """\
from papers_lib.companion import paths
from tests.faults import toy_data, toy_training
toy_data.make()
"""
ALONE, ONE_SET = "no process left", "one whole data set"


def _killed_kernel(bench: Bench) -> Observed:
    order = bench.order("killed")
    with quick_kernel.left_out():
        code, lines = bench.papers("run")
    return bench.observe(code, lines, order.unlink)


def _killed_worker(bench: Bench) -> Observed:
    order, light = bench.order("killed"), bench.order("light", NEW - 2)
    seen = bench.observed_run("--jobs", "2", lift=order.unlink)
    light.unlink()
    return seen


@contextmanager
def _running(wanted: set[str], *options: str) -> Iterator[tuple[subprocess.Popen, list[str], list[int]]]:
    """``papers run`` once it has said the words ``wanted``: the process, what it said, and the ids of all below it."""
    command = [sys.executable, "-m", "tests.faults.command", "run", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    pids, lines = [process.pid], list[str]()
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            wanted -= set(line.split())
            if not wanted:
                break
        assert not wanted, lines
        pids += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        pids += map(int, re.findall(r"waiting (\d+) (\d+)", "\n".join(lines))[0])
        yield process, lines, pids
    finally:
        for pid in pids:
            if not _gone(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def _gone(pid: int) -> bool:
    """Whether a process has ended; where nobody reaps orphans, a zombie has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _ended_amid_runs(number: signal.Signals, bench: Bench) -> Observed:
    """A kernel and two workers: one run is done, the other waits, with a child of its own."""
    order, light = bench.order("waits"), bench.order("light", NEW - 2)
    with _running({"waiting", "[1/2]"}, "--jobs", "2") as running:
        code, lines, alone = _end(number, *running)
    seen = bench.observe(code, lines, order.unlink)
    light.unlink()
    return replace(seen, kept=(*seen.kept, *alone))


def _ended_in_a_cell(number: signal.Signals, bench: Bench) -> Observed:
    """A kernel whose cell waits, with a child of its own."""
    checkout.write(bench.root, read="from tests.faults import toy_training\ntoy_training.wait()")
    with _running({"waiting"}) as running:
        code, lines, alone = _end(number, *running)
    seen = bench.observe(code, lines, lambda: checkout.write(bench.root))
    return replace(seen, kept=(*seen.kept, *alone))


def _end(
    number: signal.Signals, process: subprocess.Popen, lines: list[str], pids: list[int]
) -> tuple[int, list[str], tuple[str, ...]]:
    """Send the signal: exit code, all lines, and whether no process is left."""
    process.send_signal(number)
    process.wait(60)
    # Watchdogs look twice a second; on a busy machine it takes longer. Without them nothing would end, ever.
    deadline = time.monotonic() + (4 if "FAULTS_DISARM" in os.environ else 30)
    while time.monotonic() < deadline and not all(map(_gone, pids)):
        time.sleep(0.05)
    if not all(map(_gone, pids)):  # one of them may hold the pipe
        return process.returncode, lines, ()
    return (
        process.returncode,
        lines + (process.stdout.read().splitlines() if process.stdout else []),
        (ALONE,),
    )


def _same_page_twice(bench: Bench) -> Observed:
    with status.lock(bench.page, "toy"):
        code, lines = bench.papers("run")
    return bench.observe(code, lines)


def _two_pages_at_once(bench: Bench) -> Observed:
    """The second command comes, and ends, while the first writes the data set that both need."""
    for slug in ("toy", "other"):
        checkout.write(bench.root, slug, read=_MAKE)
    answers: list[tuple[int, list[str]]] = []
    toy_data.meanwhile[:] = [lambda: answers.append(bench.papers("run", "other"))]
    answers.append(bench.papers("run", "toy"))
    seen = bench.observe(max(code for code, _ in answers), [line for _, lines in answers for line in lines])
    folders = [path.name for path in (bench.root / "data").glob("*numbers*")]
    whole = len(folders) == 1 and (bench.root / "data" / folders[0] / "rest.txt").is_file()
    return replace(seen, kept=(*seen.kept, *([ONE_SET] if whole else [])))


def _believes_papermill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(execute, "_died", lambda *_: execute.Outcome("succeeded"))


def _deaths_pass(patch: pytest.MonkeyPatch) -> None:
    class Other(Exception):
        pass

    assert pool.BrokenProcessPool is BrokenProcessPool
    patch.setattr(pool, "BrokenProcessPool", Other)


def _no_lock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(status.fcntl, "flock", lambda *_: None)


def _written_in_place(patch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def in_place(path: Path) -> Iterator[Path]:
        path.mkdir(parents=True)
        yield path

    patch.setattr(store, "replacing_folder", in_place)


def _interrupt(number: signal.Signals, provoke: Callable, unhandled: str, then: str) -> Row:
    said = f"papers: interrupted by {number.name}; finished runs are in the cache"
    return Row(
        f"interrupt ({number.name})",
        lambda bench: provoke(number, bench),
        Observed(130, (said,), "interrupted", (PAGE, RUNS, NOTEBOOK, ALONE), then),
        lambda patch: patch.setenv("FAULTS_DISARM", "no_handlers"),
        unhandled,
    )


ROWS = [
    Row(
        "kernel killed",
        _killed_kernel,
        Observed(
            1,
            ("papers: toy: killed: the kernel was killed by signal 9 (SIGKILL) in code cell 3",),
            "killed",
            (PAGE, RUNS, NOTEBOOK),
            "done, 1 computed",
        ),
        _believes_papermill,
        "toy.results.json",
    ),
    Row(
        "command killed",
        lambda bench: _ended_amid_runs(signal.SIGKILL, bench),
        Observed(-9, (), "killed", (PAGE, RUNS, ALONE), "done, 1 computed"),
        lambda patch: patch.setenv("FAULTS_DISARM", "no_watchdog"),
        f"kept=('{PAGE}', '{RUNS}')",
    ),
    _interrupt(signal.SIGINT, _ended_amid_runs, "interrupted by ;", "done, 1 computed"),
    _interrupt(signal.SIGTERM, _ended_in_a_cell, "code=-15", "done"),
    Row(
        "worker killed",
        _killed_worker,
        Observed(
            1,
            (
                "toy: a worker process died; runs to repeat, each in a process of its own: N",
                "toy: [2/2] toy 5: died (killed by signal 9 (SIGKILL))",
                "papers: toy: incomplete: toy: 1 of 6 rows are of runs that did not end (died: killed by signal 9 "
                "(SIGKILL)); run again: the others are in the cache",
            ),
            "incomplete",
            (PAGE, RUNS, NOTEBOOK),
            "done, 1 computed",
        ),
        _deaths_pass,
        "TerminatedWorkerError",
    ),
    Row(
        "same page twice at once",
        _same_page_twice,
        Observed(
            1,
            ("papers: toy: process PID is already running this page in quick",),
            then="done, 2 computed",
        ),
        _no_lock,
        "code=0",
    ),
    Row(
        "two pages at once",
        _two_pages_at_once,
        Observed(0, (), kept=(PAGE, RUNS, ONE_SET)),
        _written_in_place,
        "half a data set was read",
    ),
]
