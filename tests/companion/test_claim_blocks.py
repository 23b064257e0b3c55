"""``papers claims`` in a terminal of any width and encoding."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from papers_lib.companion.claim_blocks import block

CLAIM = {
    "id": "heart_share",
    "kind": "claim",
    "title": "Models trained with the heatmap loss put more heat into the heart than those trained without. "
    * 2,
    "printed": "Section 4.1, p. 5",
    "paper_text": "p ≈ 1e-9",
    "estimate": 0.25,
    "low": 0.2,
    "high": 0.31,
    "level": 0.95,
    "n_a": 25,
    "n_b": 23,
    "p": 0.0125,
    "outcome": "inconclusive",
    "evidence": "stand-in",
    "reason": "the whole interval lies neither above 0.3 nor below -0.3, so that more models would be needed",
}


def test_all_of_a_claim_is_there_at_80_columns() -> None:
    lines = list(block(CLAIM, 80))
    assert lines[0] == "heart_share: inconclusive"
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    for part in (CLAIM["title"], CLAIM["paper_text"], CLAIM["printed"], "0.25 [0.2, 0.31]", CLAIM["reason"]):
        assert str(part).strip() in text
    assert [line.split()[0] for line in lines if line[2:9].strip() in ("paper", "ours", "reason")] == [
        "paper",
        "ours",
        "reason",
    ]


def test_command_prints_a_block_a_claim(
    made: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = papers("claims").out.splitlines()
    assert lines[:2] == ["larger: holds", "  Ours is larger than theirs."]
    assert lines[2] == "  paper   .9 against .1 (Section 1)"
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "toy: 1 holds; evidence: stand-in"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_the_letters_gets_others(encoding: str, made: Path) -> None:
    path = made / "reports/quick/toy.results.json"
    path.write_text(path.read_text().replace(".9 against .1", "p \\u2248 1e-9"))
    program = "from papers_lib.companion.cli import main; main(['claims']); "
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}
    )
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert b"larger: holds" in answer.stdout
    assert b"UnicodeEncodeError" not in answer.stderr
    refused = "from papers_lib.companion.cli import main; main(['run', '≈'])"
    answer = subprocess.run(
        [sys.executable, "-c", refused], capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}
    )
    assert answer.returncode == 2
    assert answer.stderr.endswith(b": no such notebook; there are toy\n")
