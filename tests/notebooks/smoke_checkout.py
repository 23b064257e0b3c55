"""The smoke profile of a paper run in a copy of the checkout, and what must hold for its page in a browser."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.companion.chromium import Browser
from tests.companion.test_browser import CONTRAST, OPEN_ALL

ROOT = Path(__file__).resolve().parents[2]


class SmokeRun(NamedTuple):
    """The copy's root, its folder of reports, what the command said, and the results that it wrote."""

    root: Path
    folder: Path
    out: str
    results: dict[str, Any]


def copy_checkout(root: Path) -> None:
    """Copy what ``papers run`` needs: nobody's pages and caches are touched."""
    for name in ("pyproject.toml", "constraints.txt", "README.md"):
        shutil.copy(ROOT / name, root)
    for name in ("notebooks", "papers_lib", "data_gen", "docs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))


def smoke_run(root: Path, slug: str) -> SmokeRun:
    """Run ``papers run SLUG --profile smoke`` in a copy of the checkout."""
    copy_checkout(root)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PAPERS_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(root), str(root / "notebooks")])
    command = [sys.executable, "-m", "papers_lib.companion.cli", "run", slug, "--profile", "smoke"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=230)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]
    folder = root / "reports" / "smoke"
    results = json.loads((folder / f"{slug}.results.json").read_text())
    assert json.loads((folder / f"{slug}.status.json").read_text())["state"] == "succeeded"
    assert str(root) not in (folder / f"{slug}.html").read_text()
    return SmokeRun(root, folder, done.stdout, results)


def check_in_browser(page: Path, largest: float) -> None:
    """Offline, without a complaint, legible in both themes and on a phone, at most ``largest`` bytes."""
    assert page.stat().st_size <= largest
    with Browser() as browser:
        for scheme in ("light", "dark"):
            browser.open(page, 1280, scheme)
            assert browser.requests == browser.messages == []
            assert [words for ratio, least, *_, words in browser.ask(CONTRAST)["text"] if ratio < least] == []
        browser.open(page, 375)
        browser.ask(OPEN_ALL)
        assert browser.ask("document.scrollingElement.scrollWidth <= innerWidth")
