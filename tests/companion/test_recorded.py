"""Recorded results as the page shows them."""

import pytest

from papers_lib.companion import recorded
from papers_lib.errors import UserError
from papers_lib.files import write_text
from tests.companion import page_fixture


def test_nothing_recorded_nothing_shown(tmp_path):
    assert recorded.load(tmp_path, "demo") == []
    assert recorded.html([]) == ""


def test_each_record_of_the_paper_is_a_section(tmp_path):
    page_fixture.record(tmp_path, "gpu")
    page_fixture.record(tmp_path, "a-sample")
    write_text(tmp_path / "reports" / "full" / "recorded" / "other.gpu.json", "{}")
    records = recorded.load(tmp_path, "demo")
    assert [record["name"] for record in records] == ["a-sample", "gpu"]
    html = recorded.html(records)
    assert html.count("Recorded, not regenerated here.") == 2
    assert 'id="recorded-gpu-accuracy"' in html


def test_claims_that_were_tested_are_listed(tmp_path):
    claim = {"title": "It <works>", "estimate": 0.5, "outcome": "holds", "evidence": "real data"}
    html = recorded.html(
        [{"name": "gpu", "claims": [claim, {**claim, "title": "Other", "outcome": "not tested"}]}]
    )
    assert "It &lt;works&gt;" in html
    assert "reproduced" in html
    assert "Other" not in html


@pytest.mark.parametrize(("text", "says"), [("{", "not JSON"), ("[]", "found a list; expected an object")])
def test_a_damaged_record_is_named(tmp_path, text, says):
    write_text(tmp_path / "reports" / "full" / "recorded" / "demo.gpu.json", text)
    with pytest.raises(UserError, match=rf"demo\.gpu\.json: {says}"):
        recorded.load(tmp_path, "demo")
