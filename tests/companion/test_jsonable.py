"""Values as results.json holds them."""

import numpy as np
import pandas as pd
import pytest

from papers_lib.companion.jsonable import plain, portable
from papers_lib.errors import UserError


def test_plain_values():
    value = {"a": np.float32(0.1), "b": [np.int64(3), np.nan, float("inf")], "c": np.array([True]), 4: pd.NA}
    assert plain(value) == {"a": 0.1000000015, "b": [3, None, None], "c": [True], "4": None}
    with pytest.raises(UserError, match="of type object; expected a number"):
        plain({"x": object()})


def test_parameters_lose_the_folders_of_the_machine():
    assert portable("/home/anna/voc") == "voc"
    assert portable("data/voc") == "data/voc"
    assert portable(3) == 3
