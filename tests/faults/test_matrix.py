"""Each fault as a user meets it, and once more with its handling taken out: then something else must be seen."""

import pytest

from tests.faults import rows_cache, rows_data, rows_disk, rows_notebook, rows_process
from tests.faults.bench import Bench
from tests.faults.rows import Row

ROWS = [*rows_process.ROWS, *rows_notebook.ROWS, *rows_cache.ROWS, *rows_disk.ROWS, *rows_data.ROWS]
every_row = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


@every_row
def test_fault_is_handled(row: Row, bench: Bench) -> None:
    assert row.provoke(bench) == row.expected


@every_row
def test_without_its_handling_something_else_is_seen(
    row: Row, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    row.disarm(monkeypatch)
    seen = row.provoke(bench)
    assert seen != row.expected
    assert row.unhandled in repr(seen)
    assert row.unhandled not in repr(row.expected)
