"""Execute a notebook with papermill, in a kernel of its own, and say how it went.

papermill stops quietly after ``sys.exit(0)`` in a cell, and saves a notebook whose kernel was killed as completed. So
here a notebook has succeeded only if no cell failed and every code cell ran.
"""

import fcntl
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from papers_lib import files
from papers_lib.companion import provenance
from papers_lib.companion.parameters import read_notebook, tags
from papers_lib.errors import UserError

State = Literal["running", "succeeded", "failed", "killed", "interrupted", "incomplete"]
_GRACE = 3.0  # seconds between SIGTERM and SIGKILL for the kernel's processes
# An ipykernel that ends, with all that it started, when `papers` is killed outright; its own watch ends itself only.
_KERNEL = """
import os, signal, threading, time
def watch(parent=int(os.environ.pop("JPY_PARENT_PID"))):
    while os.getppid() == parent:
        time.sleep(0.25)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
from ipykernel import kernelapp
kernelapp.launch_new_instance()
"""


class Outcome(NamedTuple):
    """How a run ended, and why in one line (empty for a success)."""

    state: State
    message: str = ""


def write_status(out: Path, slug: str, start: str, outcome: Outcome) -> None:
    """Write ``SLUG.status.json`` of a run that began at ``start``."""
    status = {"slug": slug, "pid": os.getpid(), "start": start, **outcome._asdict()}
    files.write_json(out / f"{slug}.status.json", status)


def read_status(out: Path, slug: str) -> dict[str, Any] | None:
    """The status of a page, None if never run; a running one whose lock is free reads ``killed``."""
    status = provenance.read_json(out / f"{slug}.status.json")
    if status is not None and status.get("state") == "running":
        with suppress(UserError), lock(out, slug):
            return {**status, "state": "killed", "message": f"its process ({status.get('pid')}) is gone"}
    return status


@contextmanager
def lock(out: Path, slug: str) -> Iterator[Path]:
    """Hold the only right to run a page (flock, so a killed run frees it); yields an empty scratch folder beside it.

    Raises: UserError, another process is running this page, or the folder cannot be written to.
    """
    folder = out / f".{slug}.work_files"
    work = folder / "run"
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = held.enter_context(open(folder / "lock", "a"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
            work.mkdir()
        except BlockingIOError:
            holder = (provenance.read_json(out / f"{slug}.status.json") or {}).get("pid", "unknown")
            raise UserError(f"{slug}: process {holder} is already running this page in {out.name}") from None
        except OSError as error:
            raise UserError(f"{out}: cannot be written ({error.strerror})") from error
        held.callback(shutil.rmtree, work, ignore_errors=True)
        yield work


def stop_on_signals() -> None:
    """From now on SIGINT, SIGTERM and SIGHUP raise a KeyboardInterrupt that names the signal."""

    def stop(number: int, _: object) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def execute(
    notebook: Path, executed: Path, parameters: Mapping[str, Any], *, extra: Mapping[str, str], work: Path,
    say: Callable[[str], None],
) -> Outcome:  # fmt: skip
    """Run ``notebook`` top to bottom in its own folder, as JupyterLab would; ``executed`` is a copy with outputs.

    All ``parameters`` are written into it; ``extra``: variables of the kernel; ``work``: scratch folder; ``say`` takes
    lines of progress. A KeyboardInterrupt ends the kernel and its children.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").setLevel(logging.CRITICAL + 1)  # else its errors are said twice
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # tasks left behind by a dead kernel
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(Path(__file__).parents[2])]))
    own = {"PYTHONPATH": path, "IPYTHONDIR": str(work / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    kernels: list[subprocess.Popen] = []
    error: Exception | None = None
    try:
        with _told(Path(extra["PAPERS_PROGRESS"]), say):
            papermill.execute_notebook(
                str(notebook).replace("{", "{{").replace("}", "}}"),  # papermill formats its paths
                str(executed).replace("{", "{{").replace("}", "}}"),
                dict(parameters), kernel_name="python3", language="python", progress_bar=False,
                cwd=str(notebook.parent), start_timeout=120, iopub_timeout=120, shutdown_kernel="immediate",
                kernel_manager_class=_manager({**os.environ, **own, **extra}, work, kernels),
            )  # fmt: skip
    except (PapermillExecutionError, CellTimeoutError, RuntimeError) as caught:  # a dead kernel is the last
        error = caught
    finally:
        for kernel in kernels:
            _end(kernel)
    found = read_notebook(executed)["cells"] if executed.is_file() else []
    cells = [  # that JupyterLab would run and count
        cell for cell in found
        if cell["cell_type"] == "code" and cell["source"].strip() and "injected-parameters" not in tags(cell)
    ]  # fmt: skip
    if isinstance(error, PapermillExecutionError):
        return _failure(cells, error)
    if error is not None:
        return _died(kernels, cells, work / "kernel.log")
    for number, cell in enumerate(cells, 1):
        if cell.get("execution_count") is None:
            return Outcome("failed", f"code cell {number} did not run: the notebook ended before it")
    return Outcome("succeeded")


def _manager(env: dict[str, str], work: Path, kernels: list[subprocess.Popen]) -> Any:
    """A kernel manager that starts this very interpreter (an installed kernelspec may point anywhere)."""
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    class Manager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [sys.executable, "-c", _KERNEL, "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

        async def start_kernel(self, **kw: Any) -> None:  # type: ignore[override]
            self.connection_file = str(work / "connection.json")
            with (work / "kernel.log").open("wb") as log:
                await super().start_kernel(**{**kw, "env": env, "stdout": log, "stderr": log})
            kernels.append(self.provisioner.process)  # type: ignore[union-attr]

    return Manager


def _end(kernel: subprocess.Popen) -> None:
    """End the kernel, which ignores no signal for long, and the processes that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(kernel.pid, number)
        with suppress(subprocess.TimeoutExpired):
            kernel.wait(_GRACE)


@contextmanager
def _told(progress: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Pass each whole line that is appended to ``progress`` on to ``say`` meanwhile."""
    progress.write_text("", encoding="utf-8")
    done = threading.Event()

    def follow() -> None:
        rest, last = "", False
        with progress.open(encoding="utf-8", errors="replace") as file:
            while not last:
                last = done.wait(0.1)  # asked before reading, so that the final lines are still read
                *lines, rest = (rest + file.read()).split("\n")
                for line in lines:
                    say(line)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _failure(cells: list[dict[str, Any]], error: Any) -> Outcome:
    """The outcome of a notebook with a failed cell; a UserError speaks for itself."""
    failed = [i for i, c in enumerate(cells, 1) if any(o["output_type"] == "error" for o in c["outputs"])]
    number, text = failed[0] if failed else 0, " ".join(str(error.evalue).split())
    if error.ename != "UserError":
        return Outcome("failed", f"code cell {number}: {error.ename}: {text}"[:500])
    # page.finish() raises for nothing but missing parts of the report
    finishing = number and ".finish(" in cells[number - 1]["source"]
    return Outcome("incomplete" if finishing else "failed", text)


def _died(kernels: list[subprocess.Popen], cells: list[dict[str, Any]], log: Path) -> Outcome:
    """The outcome of a notebook whose kernel ended."""
    code = (kernels[0].returncode or 0) if kernels else 0
    how = f"killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended ({code})"
    started = [i for i, c in enumerate(cells, 1) if c["metadata"].get("papermill", {}).get("start_time")]
    if started:
        return Outcome("killed", f"the kernel was {how} in code cell {started[-1]}")
    said = log.read_text(encoding="utf-8", errors="replace").strip() if log.is_file() else ""
    return Outcome("failed", f"the kernel did not start: {(said or how).splitlines()[-1]}")
