"""Where a fault is provoked: a checkout with a finished page, and the ways to look at what a command did to it."""

import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from papers_lib.companion import status
from papers_lib.companion.cli import main
from tests.faults import checkout, toy_training
from tests.faults.rows import NOTEBOOK, PAGE, RUNS, Observed

SLUG, OLD, NEW = "toy", 4, 6  # models of the page that is there, and of the next one
ORDINARY = re.compile(r"\w+: (running|waiting|done|up to date|\d+ runs|\[\d+/\d+\] toy \d+: ok in)")
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Bench:
    """A fresh copy of the checkout, which is the working folder.

    Attributes:
        root: of the checkout.
        capture: pytest's capture of what the processes print.
        before: files that must survive, by path: those of the page, and those of the cache.
        harmed: names of cache entries that the fault itself destroys.
    """

    root: Path
    capture: pytest.CaptureFixture[str]
    before: dict[Path, bytes] = field(default_factory=dict)
    harmed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        checkout.write(self.root)
        notebook = self.root / "notebooks/toy.ipynb"
        notebook.write_text(notebook.read_text().replace(f"models = {OLD}", f"models = {NEW}"))
        files = [*self.page.glob("toy.*"), *self.cache.iterdir()]
        self.before = {p: p.read_bytes() for p in files if not p.name.endswith("status.json")}

    @property
    def page(self) -> Path:
        return self.root / "reports/quick"

    @property
    def cache(self) -> Path:
        return self.root / "cache/toy_training"

    def order(self, fault: str, seed: int = NEW - 1) -> Path:
        """Let the run of ``seed`` go wrong until the file is gone."""
        return toy_training.order(self.root / "data", seed, fault)

    def papers(self, *arguments: str) -> tuple[int, list[str]]:
        """Exit code of ``papers ARGUMENTS`` in this process, and all it says; a traceback counts as what it says."""
        self.capture.readouterr()
        try:
            main(list(arguments))
            code = 0
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        except Exception as error:
            code = 1
            print(f"Traceback: {''.join(traceback.format_exception_only(error)).strip()}", file=sys.stderr)
        said = self.capture.readouterr()
        return code, [*said.out.splitlines(), *said.err.splitlines()]

    def observe(
        self, code: int, lines: list[str], lift: Callable[[], object] = lambda: None, slug: str = SLUG
    ) -> Observed:
        """What came of a command: its own words, what is kept, and a plain run once ``lift`` took the cause away."""
        says = tuple(self.shown(line) for line in lines if not ORDINARY.match(line))
        state, kept = self._state(slug), self._kept(code)
        lift()
        again, words = self.papers("run")
        then = "done" if again == 0 else self.shown(words[-1])
        computed = sum(bool(re.match(r"toy: \[\d+/\d+\] ", word)) for word in words)
        return Observed(code, says, state, kept, f"{then}, {computed} computed" if computed else then)

    def observed_run(self, *arguments: str, lift: Callable[[], object] = lambda: None) -> Observed:
        """``papers run ARGUMENTS`` in this process, observed."""
        return self.observe(*self.papers("run", *arguments), lift)

    def shown(self, line: str) -> str:
        """A line without what differs between two runs of a test."""
        line = line.replace(str(self.root), "…").replace(str(ROOT), "…")
        line = re.sub(r"\b[0-9a-f]{64}\b|(?<=entry )[0-9a-f]{12}\b", "KEY", line)
        line = re.sub(r"(process|pid) \d+", r"\1 PID", line)
        line = re.sub(r"\.py:\d+", ".py:N", line)
        line = re.sub(r"(in a process of its own): \d+", r"\1: N", line)  # those at work when it died
        return re.sub(r" in [\d.]+ s(, about .* left)?$", "", line)

    def _state(self, slug: str) -> str:
        return str((status.read(self.page, slug) or {"state": ""})["state"])

    def _kept(self, code: int) -> tuple[str, ...]:
        """Which of the three parts are there: all files, and unchanged, where the command did not replace them."""

        def same(path: Path) -> bool:
            replaced = code == 0 and path.parent == self.page
            return path.is_file() and (replaced or path.read_bytes() == self.before[path])

        of_page = {path for path in self.before if path.parent == self.page}
        others = {path for path in self.before.keys() - of_page if path.stem not in self.harmed}
        kept = [name for name, paths in ((PAGE, of_page), (RUNS, others)) if paths and all(map(same, paths))]
        work = self.page / ".toy.work_files"
        left = [path.name for path in work.iterdir() if path.name != "lock"] if work.is_dir() else []
        assert code != 1 or not left, left  # a run that was refused or failed tidies up
        if (self.page / "toy_files/failed.ipynb").is_file():
            kept.append(NOTEBOOK)
        return tuple(kept)
