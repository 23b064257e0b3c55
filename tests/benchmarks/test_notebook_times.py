import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import notebook_times
from benchmarks.notebook_times import measure, table
from papers_lib.companion.provenance import REQUIRED, SCHEMA, command, write_manifest
from papers_lib.errors import UserError
from papers_lib.files import write_json


@pytest.fixture
def root(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/toy.ipynb").write_text("{}")
    return tmp_path


def page(root, profile, changed, seconds):
    filled = {name: {} if name in ("files", "components", "device") else "" for name in REQUIRED}
    own = {"slug": "toy", "date": "2026-11-21T10:00:00Z", "wall_seconds": seconds, "schema": SCHEMA}
    own["command"] = command("toy", profile, changed, None)
    write_manifest(root / f"reports/{profile}", filled | own)


def test_pages_that_a_profile_alone_made_and_times_beside_them(root):
    page(root, "full", {}, 17.2)
    page(root, "quick", {"seeds": 2}, 3.0)
    beside = [
        {"step": "the full profile (minutes)", "network": "VGG", "minutes": 1.5},
        {"step": "CE", "median ms": 1},
    ]
    write_json(root / "reports/full/toy.timings.json", {"rows": beside})
    rows = table(root=root)
    assert [(row["value"], row["unit"]) for row in rows] == [(17.2, "s"), (90.0, "s")]
    assert rows[0]["step"].startswith("toy, profile full: ")
    assert rows[1]["step"] == "toy: the full profile"


def test_a_notebook_is_run_with_nothing_made_before(root, monkeypatch):
    clock, seen = [0.0], []
    monkeypatch.setattr(notebook_times, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def call(words, cwd, env, **options):
        folders = [Path(env[name]) for name in ("PAPERS_CACHE", "PAPERS_DATA")]
        seen.append((words, cwd, [one.exists() for one in folders], folders[0].parent.exists()))
        clock[0] += 30.0
        return subprocess.CompletedProcess(words, 0)

    (row,) = measure(root, "smoke", "cpu", call)
    words, cwd, there, parent = seen[0]
    assert words[0] == sys.executable
    assert words[3:] == ["run", "toy", "--profile", "smoke", "--force", "--device", "cpu"]
    assert (cwd, there, parent) == (root, [False, False], True)
    assert (row["value"], row["unit"]) == (30.0, "s")


def test_a_notebook_that_fails(root):
    with pytest.raises(UserError, match="papers run toy --profile quick: exit code 3, expected 0"):
        measure(root, "quick", "cpu", lambda words, **options: subprocess.CompletedProcess(words, 3))


def test_published_pages_are_not_made_again(root):
    with pytest.raises(UserError, match="--notebooks full: expected one of smoke, quick"):
        measure(root, "full", "cpu", lambda words, **options: None)
