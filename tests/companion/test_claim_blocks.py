"""``papers claims`` in a narrow terminal."""

import pytest

from papers_lib.companion.claim_blocks import lines
from papers_lib.errors import UserError
from papers_lib.files import write_json

CLAIM = {
    "id": "heart_share",
    "title": "Models trained with the heatmap loss put more heat into the heart than those trained without. "
    * 2,
    **{"printed": "Section 4.1, p. 5", "paper_text": "p ≈ 1e-9", "estimate": 0.25, "low": 0.2, "high": 0.31},
    **{
        "outcome": "inconclusive",
        "evidence": "synthetic data",
        "reason": "too few models for the margin " * 4,
    },
}


def test_all_of_a_claim_is_there_within_the_width(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    results = {"claims": [CLAIM, {**CLAIM, "id": "b"}], "evidence": "synthetic data"}
    write_json(tmp_path / "reports" / "quick" / "demo.results.json", results)
    found = list(lines(tmp_path, "demo", "quick"))
    assert found[0] == "heart_share: inconclusive"
    assert max(map(len, found)) <= 60
    text = " ".join(" ".join(found).split())
    for part in (
        CLAIM["title"].strip(),
        "p ≈ 1e-9 (Section 4.1, p. 5)",
        "0.25 [0.2, 0.31]",
        CLAIM["reason"].strip(),
    ):
        assert part in text
    assert found[-1] == "demo: 2 inconclusive; evidence: synthetic data"


def test_without_results_it_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match="first run: papers run demo --profile quick"):
        list(lines(tmp_path, "demo", "quick"))
