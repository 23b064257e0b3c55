"""``papers run`` when processes are killed, notebooks fail, two commands meet or a page cannot be written."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from papers_lib.companion.cli import main
from tests.faults import checkout, toy_training
from tests.faults.refused import FULL, READ_ONLY, refuse
from tests.faults.table import row

ROOT = Path(__file__).resolve().parents[2]
MAKE_SET = "from tests.faults import toy_training\ntoy_training.make_set()"


class Bench:
    """A copy of the checkout, with its page of four models; the next page needs six."""

    def __init__(self, root: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.root, self.capture = root, capture
        self.page, self.results = root / "reports/quick", root / "cache/tests"
        self.notebook()
        files = [*self.page.glob("toy.*"), *self.results.glob("*")]
        self.before = {path: path.read_bytes() for path in files if "status" not in path.name}

    def notebook(self, slug: str = "toy", **cells: str) -> None:
        parameters = checkout.CELLS["parameters"].replace("models = 4", "models = 6")
        checkout.write(self.root, slug, **{"parameters": parameters, **cells})

    def order(self, fault: str, seed: int = 5) -> Path:
        return toy_training.order(self.root / "data", seed, fault)

    def papers(self, *arguments: str) -> tuple[int, str]:
        """Exit code of ``papers ARGUMENTS`` in this process, and all it says."""
        self.capture.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(list(arguments))
        said = self.capture.readouterr()
        return int(stopped.value.code or 0), f"{said.out}\n{said.err}"

    def check(self, fault: str, code: int | None, said: str) -> None:
        """The words and the code of the table, no traceback, and what was there before."""
        row(fault).check(said, code)
        assert "Traceback" not in said
        assert {path.name for path, content in self.before.items() if path.read_bytes() != content} == set()

    def fails(self, fault: str, *options: str) -> None:
        self.check(fault, *self.papers("run", "toy", *options))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout with a page and the cached runs behind it."""
    root = checkout.write(tmp_path_factory.mktemp("faults") / "checkout")
    for seed in range(6):
        toy_training.order(root / "data", seed, "light")
    with pytest.MonkeyPatch.context() as patch:
        _plain(patch, root)
        with pytest.raises(SystemExit) as stopped:
            main(["run"])
    assert stopped.value.code == 0
    return root


@pytest.fixture
def bench(made_once: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Bench]:
    root = Path(shutil.copytree(made_once, tmp_path / "checkout"))
    with pytest.MonkeyPatch.context() as patch:
        _plain(patch, root)
        yield Bench(root, capfd)


def _plain(patch: pytest.MonkeyPatch, root: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PAPERS_")]:
        patch.delenv(name)
    patch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'notebooks'}")  # a kernel finds the tests' modules
    patch.chdir(root)


def test_a_killed_kernel_and_then_a_plain_run(bench):
    order = bench.order("killed")
    bench.fails("kernel killed")
    order.unlink()
    code, said = bench.papers("run")
    assert code == 0
    assert re.search(r"5 runs read from the cache, 1 to compute", said)
    assert len(json.loads((bench.page / "toy.results.json").read_text())["rows"]) == 6


def test_a_killed_worker_costs_its_own_run(bench):
    bench.order("killed")
    bench.fails("worker killed", "--jobs", "2")
    assert len(list(bench.results.glob("*.json"))) == 5


@contextmanager
def _running(*options: str, until: set[str]) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """``papers run`` once it has said the words: the process, and the ids of all below it."""
    command = [sys.executable, "-m", "papers_lib.companion.cli", "run", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               restore_signals=True, preexec_fn=_interruptible)  # fmt: skip
    said, pids = list[str](), [process.pid]
    assert process.stdout is not None
    try:
        for line in process.stdout:
            said.append(line)
            until -= set(line.split())
            if not until:
                break
        assert not until, said
        pids += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        pids += map(int, re.findall(r"waiting (\d+) (\d+)", "".join(said))[0])
        yield process, pids
    finally:
        for pid in pids:
            if not _gone(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits "ignored"


def _gone(pid: int) -> bool:
    """Whether a process has ended; where nobody reaps orphans, a zombie has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _end(process: subprocess.Popen[str], pids: list[int], number: signal.Signals) -> tuple[int, str]:
    """Send the signal; its exit code and last words, when every process below it has ended."""
    process.send_signal(number)
    process.wait(60)
    deadline = time.monotonic() + 30
    while not all(map(_gone, pids)):
        assert time.monotonic() < deadline, [pid for pid in pids if not _gone(pid)]
        time.sleep(0.05)
    assert process.stdout is not None
    return process.returncode, process.stdout.read()


@pytest.mark.parametrize(
    ("fault", "number"), [("command killed", signal.SIGKILL), ("interrupt (SIGINT)", signal.SIGINT)]
)
def test_a_command_that_ends_amid_two_workers(bench, fault, number):
    order = bench.order("waits")
    with _running("--jobs", "2", until={"waiting", "[1/2]"}) as (process, pids):
        code, said = _end(process, pids, number)
    bench.check(fault, code if code > 0 else None, said)
    assert len(list(bench.results.glob("*.json"))) == 5
    if number == signal.SIGKILL:
        assert "killed" in bench.papers("list")[1]
    order.unlink()
    assert "1 to compute" in bench.papers("run")[1]


def test_a_command_that_ends_amid_a_cell_and_another_for_the_same_page(bench):
    bench.notebook(read="from tests.faults import toy_training\ntoy_training.wait()")
    with _running(until={"waiting"}) as (process, pids):
        bench.fails("same page twice at once")
        bench.check("interrupt (SIGTERM)", *_end(process, pids, signal.SIGTERM))


def test_two_pages_at_once(bench):
    for slug in ("toy", "other"):
        bench.notebook(slug, read=MAKE_SET)
    command = [sys.executable, "-m", "papers_lib.companion.cli", "run"]
    both = [subprocess.Popen([*command, slug], stdout=subprocess.DEVNULL) for slug in ("toy", "other")]
    assert [process.wait(120) for process in both] == [0, 0]
    row("two pages at once").check("", 0)
    (folder,) = (bench.root / "data").glob("*numbers*")
    assert {path.name for path in folder.iterdir()} >= {"first.txt", "rest.txt"}


def test_notebooks_that_do_not_do_all_and_one_that_does(bench):
    bench.notebook(read="raise ValueError('the cell\\nwent wrong')")
    bench.notebook("early", report="import sys\nsys.exit(0)")
    bench.notebook("figureless", figure="'nothing'")
    bench.notebook("other")
    code, said = bench.papers("run")
    bench.check("a cell fails", code, said)
    for fault in ("one notebook of two fails", "the notebook ends early", "a declared figure is not made"):
        row(fault).check(said, code)
    assert (bench.page / "other.html").is_file()
    assert {path.parent.name for path in bench.page.glob("*/failed.ipynb")} == {
        f"{slug}_files" for slug in ("toy", "early", "figureless")
    }


def test_a_parameter_that_is_not_there(bench):
    bench.fails("unknown parameter", "--set", "model=5")


@pytest.mark.parametrize(
    ("fault", "number", "name"),
    [("disk full at the page", FULL, "toy.html"), ("read-only folder of reports", READ_ONLY, "")],
)
def test_a_page_that_cannot_be_written(bench, monkeypatch, fault, number, name):
    with monkeypatch.context() as patch:
        refuse(patch, number, bench.root / "reports", name)
        bench.fails(fault)
    assert bench.papers("run")[0] == 0
