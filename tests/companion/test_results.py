"""Values as results.json holds them, and judged claims as a table."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from papers_lib.companion.results import outcomes_table, plain, portable
from papers_lib.errors import UserError


def test_plain_values():
    value = {"a": np.float32(0.1), "b": [np.int64(3), np.nan, float("inf")], "c": np.array([True]), 4: pd.NA}
    assert plain(value) == {"a": 0.1000000015, "b": [3, None, None], "c": [True], "4": None}
    with pytest.raises(UserError, match="expected a number"):
        plain({"x": object()})


def test_parameters_lose_the_folders_of_the_machine():
    assert [portable(value) for value in ("/home/anna/voc", "data/voc", 3)] == ["voc", "data/voc", 3]


def test_a_row_per_claim():
    tested = {"title": "A < B", "paper_text": "p", "estimate": 0.5, "outcome": "inconclusive"}
    other = {"title": "C", "paper_text": "", "estimate": None, "outcome": "not tested"}
    claims = [{**claim, "evidence": "real data"} for claim in (tested, other)]
    tree = ElementTree.fromstring(outcomes_table(claims, "t", "Recorded"))
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]
    assert rows == [
        ["Claim", "Paper", "Recorded", "n, interval, p", "Outcome"],
        ["A < B", "p", "0.5", "–", "inconclusive"],
        ["C", "–", "–", "–", "not tested"],
    ]
