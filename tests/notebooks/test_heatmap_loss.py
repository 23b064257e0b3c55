"""The heatmap-loss notebook, run by ``papers run --profile smoke`` in a copy of the checkout, and its page."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.companion.chromium import Browser
from tests.companion.test_browser import CONTRASTS, UNNAMED

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what a run needs, so that nobody's pages and caches are touched; run once."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "constraints.txt", "README.md"):
        shutil.copy(ROOT / name, root)
    for name in ("notebooks", "papers_lib", "data_gen", "docs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PAPERS_")}
    environment["PYTHONPATH"] = str(root)
    command = [sys.executable, "-m", "papers_lib.companion.cli", "run", "heatmap_loss", "--profile", "smoke"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=230)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]
    return root, done.stdout


@pytest.mark.slow
def test_the_smoke_run_says_a_line_a_run_and_makes_everything(checkout):
    root, out = checkout
    folder = root / "reports" / "smoke"
    results = json.loads((folder / "heatmap_loss.results.json").read_text())
    lines = [line for line in out.splitlines() if "exp 2" in line]
    assert len(lines) == len(results["rows"]) == 3 * 3 + 2 * 3 + 2 * 3 + 14
    arms = {"main", "authors", "pretrained", "frozen", "weight", "mask", "method", "target"}
    assert {row["arm"] for row in results["rows"]} == arms
    assert json.loads((folder / "heatmap_loss.status.json").read_text())["state"] == "succeeded"
    assert results["absent"].keys() == {"fig6"}  # smoke trains experiment 2 only
    assert {"fig1", "fig2", "fig3", "fig4", "fig5", "fig7"} <= results["figures"].keys()
    assert {"mann_whitney", "exclusions", "definitions", "choices"} <= results["tables"].keys()
    assert "time" not in results["rows"][0]
    assert str(root) not in (folder / "heatmap_loss.html").read_text()


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_in_a_browser(checkout):
    root, _ = checkout
    page = root / "reports" / "smoke" / "heatmap_loss.html"
    assert page.stat().st_size <= 1.5e6
    with Browser() as browser:
        for scheme in ("light", "dark"):
            browser.scheme(scheme)
            browser.open(page)
            assert browser.requests == []
            assert browser.messages == []
            assert browser.ask(UNNAMED) == 0
            assert [text for ratio, text in browser.ask(CONTRASTS) if ratio < 4.5] == []
        assert "not evidence" in browser.ask("document.body.innerText").lower()
        browser.open(page, width=375, height=800)
        browser.ask("document.querySelectorAll('details').forEach((e) => { e.open = true })")
        assert browser.ask("document.scrollingElement.scrollWidth <= innerWidth")
