"""Judged claims as a plain table."""

import xml.etree.ElementTree as ElementTree

from papers_lib.companion.outcomes import outcomes_table


def test_a_row_a_claim():
    tested = {
        "title": "A < B",
        "paper_text": "p",
        "estimate": 0.5,
        "outcome": "inconclusive",
        "evidence": "real data",
    }
    other = {
        "title": "C",
        "paper_text": "",
        "estimate": None,
        "outcome": "not tested",
        "evidence": "real data",
    }
    tree = ElementTree.fromstring(outcomes_table([tested, other], "t", "Recorded"))
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]
    assert rows == [
        ["Claim", "Paper", "Recorded", "n, interval, p", "Outcome"],
        ["A < B", "p", "0.5", "–", "inconclusive"],
        ["C", "–", "–", "–", "not tested"],
    ]
