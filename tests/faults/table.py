"""The table of docs/faults.md: each test takes from its row what must be said and the exit code."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
ANY = re.compile(r"\b(SLUG|EXPERIMENT|PID|KEY|0123456789ab)\b")


@dataclass(frozen=True)
class Row:
    """What the page promises of one fault: quotations, and exit codes."""

    quoted: tuple[str, ...]
    codes: tuple[str, ...]

    def check(self, said: str, code: int | None = None) -> None:
        """Each quotation is in what was said, SLUG and the like standing for any word, "…" for anything."""
        for text in self.quoted:
            words = ANY.sub("ANYWORD", text).split("…")
            pattern = ".*".join(re.escape(part.strip()).replace("ANYWORD", r"\S+") for part in words)
            assert re.search(pattern, said), (text, said)
        assert code is None or str(code) in self.codes, (code, said)


def rows() -> dict[str, Row]:
    """The rows by what goes wrong."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    found = {}
    for name, says, codes, *_ in cells[2:]:
        quoted = [text for text in re.findall(r"`(.+?)`", says) if not text.startswith("papers list")]
        found[name] = Row(tuple(quoted), tuple(re.findall(r"\d+", codes)))
    return found


def row(name: str) -> Row:
    """One of them."""
    return rows()[name]
