import numpy as np
import pytest

from pylon.border import border_table
from tests.notebooks.pylon.runs import Runs


def test_hottest_cells_on_the_border_are_counted(tmp_path):
    maps = np.zeros((4, 3, 4, 4))
    maps[:, :, 1, 1] = 1  # inside
    maps[0, :, 3, 2] = maps[1, 0, 0, 0] = 2  # four of twelve on the border
    runs = Runs(tmp_path)
    records = [runs.mapped(maps, method="pylon", arm="main"), runs.mapped(maps, method="pan", arm="large")]
    table = border_table([*records, runs.record(status="failed", method="cam", arm="main")], ("main",))
    assert table["method"].tolist() == ["PYLON"]
    assert table.loc[0, "hottest cell on the border"] == pytest.approx(1 / 3)
    assert table.loc[0, "cells on the border"] == pytest.approx(12 / 16)


def test_two_by_two_cells_are_all_border_and_nothing_is_no_row(tmp_path):
    runs = Runs(tmp_path)
    table = border_table([runs.mapped(np.zeros((4, 3, 2, 2)), method="cam", arm="main")], ("main",))
    assert table.loc[0, ["hottest cell on the border", "cells on the border"]].tolist() == [1, 1]
    assert border_table([], ("main",)).empty
