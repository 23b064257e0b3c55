"""Every row of docs/faults.md is a test here."""

from pathlib import Path

from tests.faults.table import rows


def test_every_row_is_provoked_once() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    found = {name: sum(source.count(f'"{name}"') for source in sources) for name in rows()}
    assert set(found.values()) == {1}, found
