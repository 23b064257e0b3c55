"""docs/faults.md is the matrix as users read it: the same rows, and of each what the command says."""

import re
from pathlib import Path

from tests.faults.test_matrix import ROWS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"


def _cells() -> dict[str, list[str]]:
    """The cells of each row of the table, by its first one."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:] if "---" not in line
    ]
    return {name.strip(): rest for name, *rest in rows}


def test_the_table_has_the_rows_of_the_matrix() -> None:
    assert list(_cells()) == [row.name for row in ROWS]


def test_it_quotes_what_the_command_says() -> None:
    """Each quotation, its gaps left out, is in what was seen; SLUG, KEY and the like stand for any word."""
    for name, (says, *_) in _cells().items():
        seen = " ".join(next(row for row in ROWS if row.name == name).expected.says)
        quoted = [
            text for text in re.findall(r"`(.+?)`", says) if "papers list" not in text and text != "killed"
        ]
        for text in quoted:
            for part in text.split("…"):
                pattern = re.escape(part.strip())
                for word in ("SLUG", "EXPERIMENT", "PID", "KEY", "0123456789ab"):
                    pattern = pattern.replace(word, r"\S+?")
                assert re.search(pattern, seen), (name, part, seen)


def test_exit_codes_are_those_of_the_matrix() -> None:
    for row in ROWS:
        written = _cells()[row.name][1]
        if row.expected.code >= 0:
            assert str(row.expected.code) in re.findall(r"\d+", written), row.name
