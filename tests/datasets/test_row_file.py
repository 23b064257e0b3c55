"""Rows of an .npy file, written one at a time."""

from types import SimpleNamespace

import numpy as np
import pytest

from papers_lib.datasets import row_file
from papers_lib.datasets.row_file import RowFile, check_room, new_row_file
from papers_lib.errors import UserError


def test_rows_written_by_two_at_once_in_any_order_are_what_numpy_reads(tmp_path):
    path = tmp_path / "a.npy"
    new_row_file(path, np.uint8, (5, 2, 3))
    rows = np.random.default_rng(0).integers(0, 256, (5, 2, 3), dtype=np.uint8)
    with RowFile(path) as first, RowFile(path) as second:
        first.write(3, rows[3])
        second.write(4, rows[4])
        second.write(0, rows[0])
        first.write(1, np.asfortranarray(rows[1]))
    rows[2] = 0  # never written
    assert np.load(path).tolist() == rows.tolist()
    assert path.stat().st_size == 128 + rows.size  # numpy's header, then the rows and nothing else


def test_a_row_of_another_shape_or_type_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    new_row_file(path, np.bool_, (2, 3))
    with RowFile(path) as file:
        for value in (np.zeros(4, bool), np.zeros(3, np.uint8)):
            with pytest.raises(ValueError, match=r"expected bool \(3,\)"):
                file.write(0, value)


def test_a_lack_of_room_is_told_in_units_that_show_it(tmp_path, monkeypatch):
    monkeypatch.setattr(row_file.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2_300_000))
    check_room(tmp_path, 2_300_000, "two rows")
    with pytest.raises(UserError, match=r": found 2\.3 MB free, expected 2\.6 MB for two rows$"):
        check_room(tmp_path, 2_600_000, "two rows")
    with pytest.raises(UserError, match=r"expected 7\.0 GB for"):
        check_room(tmp_path, 7 * 10**9, "two rows")
