"""A notebook's sweep on a Ray instance of this machine gives the results.json that processes give."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebooks.smoke_checkout import copy_checkout

ARGUMENTS = ("run", "heatmap_loss", "--profile", "smoke", "--set", "arms=[main]", "--set", "seeds=3")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_results_json_is_the_same_to_the_byte(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    results = []
    copy_checkout(tmp_path)
    for backend in ("processes", "ray"):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PAPERS_")}
        environment |= {"PYTHONPATH": str(tmp_path), "PAPERS_CACHE": str(tmp_path / backend)}
        command = [
            sys.executable,
            "-m",
            "papers_lib.companion.cli",
            *ARGUMENTS,
            "--force",
            "--backend",
            backend,
        ]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=800
        )
        assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]
        assert ("Ray: " in done.stdout) == (backend == "ray")
        page = (tmp_path / "reports" / "smoke" / "heatmap_loss.html").read_text()
        assert "ray.init" not in page
        assert str(tmp_path) not in page
        results.append((tmp_path / "reports" / "smoke" / "heatmap_loss.results.json").read_bytes())
    assert results[0] == results[1]
    assert len(list((tmp_path / "ray" / "heatmap_loss").glob("*.json"))) == 3 * 3
