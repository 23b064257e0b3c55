"""Every row of docs/faults.md is a test here."""

from pathlib import Path

from tests.faults.table import rows


def test_every_row_is_provoked_once() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    found = {name: sum(source.count(f'"{name}"') for source in sources) for name in rows()}
    assert len(found) == 33
    assert {name: times for name, times in found.items() if times != 1} == {}
