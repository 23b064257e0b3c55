"""Execute a notebook with papermill, in a kernel of its own, and say how it went.

papermill alone is not enough: it stops quietly after ``sys.exit(0)`` in a cell, and it saves a notebook
whose kernel was killed as completed. A run has succeeded only if the kernel lived, no cell failed, every code
cell ran and the page's last call left the token of this run.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import papermill
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from papers_lib.companion import profiles, provenance
from papers_lib.companion.interrupts import ended_by
from papers_lib.companion.status import Outcome, State

_GRACE = 3.0  # seconds between SIGTERM and SIGKILL for the kernel's processes


def _manager_class(
    env: Mapping[str, str], work: Path, held: list[subprocess.Popen]
) -> type[AsyncKernelManager]:
    """A kernel manager that starts this very interpreter (an installed kernelspec may point anywhere)."""

    class Manager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [sys.executable, "-m", "papers_lib.companion.kernel", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

        @default("connection_file")
        def _connection_file_default(self) -> str:
            return str(work / "connection.json")

        async def start_kernel(self, **kw: Any) -> None:  # type: ignore[override]
            with (work / "kernel.log").open("wb") as log:
                await super().start_kernel(**{**kw, "env": dict(env), "stdout": log, "stderr": log})
            held.append(self.provisioner.process)  # type: ignore[union-attr]

        async def shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:  # type: ignore[override]
            # Everything is on disk by now. Asked politely, ipykernel would first wait for its children to end, among
            # them the resource tracker of joblib's workers, which lives as long as the kernel: 2.5 seconds for nothing.
            if self.provisioner is not None:
                await self.provisioner.terminate()
            await super().shutdown_kernel(now=now, restart=restart)

    return Manager


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _end(held: list[subprocess.Popen]) -> None:
    """End the kernel and every process of its group, politely first."""
    for process in held:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not _group_lives(process.pid):
                break
            os.killpg(process.pid, number)
            deadline = time.monotonic() + _GRACE
            while time.monotonic() < deadline and _group_lives(process.pid):
                process.poll()  # reap, or its entry keeps the group alive
                time.sleep(0.02)


def _tail(path: Path, say: Callable[[str], None], done: threading.Event) -> None:
    """Pass each whole line that is appended to ``path`` on to ``say`` until ``done`` is set."""
    rest = ""
    with path.open(encoding="utf-8", errors="replace") as file:
        while True:
            last = done.is_set()  # asked before reading, so that the final lines are still read
            rest += file.read()
            *lines, rest = rest.split("\n")
            for line in lines:
                say(line)
            if last:
                return
            time.sleep(0.1)


def _code_cells(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Code cells that JupyterLab would run and count: without papermill's own, without empty ones."""
    cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "code" and cell["source"].strip())
    return [cell for cell in cells if "injected-parameters" not in profiles.tags(cell)]


def _last_started(cells: list[dict[str, Any]]) -> int:
    started = [i for i, c in enumerate(cells, 1) if c["metadata"].get("papermill", {}).get("start_time")]
    return max(started, default=0)


def _failure(cells: list[dict[str, Any]], error: PapermillExecutionError) -> Outcome:
    """The outcome of a notebook with a failed cell; a UserError speaks for itself."""
    failed = [i for i, c in enumerate(cells, 1) if any(o["output_type"] == "error" for o in c["outputs"])]
    number = failed[0] if failed else 0
    text = " ".join(str(error.evalue).split())
    if error.ename != "UserError":
        return Outcome("failed", f"code cell {number}: {error.ename}: {text}"[:500], number, error.ename)
    # page.finish() raises for nothing but missing parts of the report
    state: State = "incomplete" if number and ".finish(" in cells[number - 1]["source"] else "failed"
    return Outcome(state, text, number, "UserError")


def _verdict(cells: list[dict[str, Any]], finished: Path, nonce: str) -> Outcome:
    """The outcome of a notebook that papermill calls complete."""
    for number, cell in enumerate(cells, 1):
        if cell.get("execution_count") is None:
            return Outcome("failed", f"code cell {number} did not run: the notebook ended before it", number)
    if (provenance.read_json(finished) or {}).get("nonce") != nonce:
        return Outcome("incomplete", "page.finish() was not called: its report was not written", len(cells))
    return Outcome("succeeded")


def _died(held: list[subprocess.Popen], cells: list[dict[str, Any]], work: Path) -> Outcome:
    code = held[0].wait(_GRACE) if held else None
    killed = code is not None and code < 0
    how = f"killed by signal {-code} ({signal.Signals(-code).name})" if killed and code else f"ended ({code})"
    if number := _last_started(cells):
        return Outcome("killed", f"the kernel was {how} in code cell {number}", number)
    log = work / "kernel.log"
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.is_file() else []
    return Outcome("failed", f"the kernel did not start: {(said or [how])[-1]}")


def _environment(extra: Mapping[str, str], work: Path) -> dict[str, str]:
    """The kernel's environment: ours, the companion's variables, and nobody's IPython start-up files."""
    package_root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", ""), package_root]))
    own = {"PYTHONPATH": path, "IPYTHONDIR": str(work / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return {**os.environ, **own, **extra, "PAPERS_PARENT": str(os.getpid())}


def execute(
    notebook: Path, executed: Path, parameters: Mapping[str, Any], *, extra: Mapping[str, str], work: Path,
    say: Callable[[str], None],
) -> Outcome:  # fmt: skip
    """Run ``notebook`` top to bottom in its own folder, as JupyterLab would, and save it as ``executed``.

    Args:
        notebook: the notebook.
        executed: where the copy with outputs goes, also when a cell fails; ``finished.json`` lies beside it.
        parameters: all of them; written into the notebook after its parameters cell.
        extra: variables of the kernel: PAPERS_OUT, PAPERS_NONCE, PAPERS_PROGRESS …
        work: scratch folder.
        say: takes each line of progress.

    Raises:
        KeyboardInterrupt: a signal arrived; the kernel and its children are ended.
    """
    logging.getLogger("papermill").addHandler(logging.NullHandler())  # else its errors are said twice
    logging.getLogger("papermill").propagate = False
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # tasks left behind by a dead kernel
    progress = Path(extra["PAPERS_PROGRESS"])
    progress.write_text("", encoding="utf-8")
    held: list[subprocess.Popen] = []
    done = threading.Event()
    tail = threading.Thread(target=_tail, args=(progress, say, done), daemon=True)
    tail.start()
    error: Exception | None = None
    try:
        with ended_by(lambda: _end(held)):
            papermill.execute_notebook(
                str(notebook).replace("{", "{{").replace("}", "}}"),  # papermill formats its paths
                str(executed).replace("{", "{{").replace("}", "}}"),
                dict(parameters), kernel_name="python3", language="python", progress_bar=False,
                cwd=str(notebook.parent), start_timeout=120, iopub_timeout=120,
                kernel_manager_class=_manager_class(_environment(extra, work), work, held),
            )  # fmt: skip
    except (PapermillExecutionError, CellTimeoutError, RuntimeError) as caught:  # a dead kernel is the last
        error = caught
    finally:
        done.set()
        tail.join()
    cells = _code_cells(profiles.read_notebook(executed)) if executed.is_file() else []
    if isinstance(error, PapermillExecutionError):
        return _failure(cells, error)
    if isinstance(error, DeadKernelError) or (error is not None and not _last_started(cells)):
        return _died(held, cells, work)
    if error is not None:
        text = " ".join(str(error).split())[:500]
        return Outcome("failed", text, _last_started(cells), type(error).__name__)
    return _verdict(cells, executed.parent / "finished.json", extra["PAPERS_NONCE"])
