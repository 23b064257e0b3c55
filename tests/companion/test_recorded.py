"""Recorded results as the page shows them."""

import pytest

from papers_lib.companion import recorded
from papers_lib.errors import UserError
from papers_lib.files import write_text
from tests.companion import page_fixture


def test_each_record_of_the_paper_is_a_section(tmp_path):
    assert recorded.load(tmp_path, "demo") == []
    assert recorded.html([]) == ""
    page_fixture.record(tmp_path, "gpu")
    page_fixture.record(tmp_path, "a-sample")
    write_text(tmp_path / "reports" / "full" / "recorded" / "other.gpu.json", "{}")
    records = recorded.load(tmp_path, "demo")
    assert [record["name"] for record in records] == ["a-sample", "gpu"]
    html = recorded.html(records)
    assert html.count("Recorded, not regenerated here.") == 2
    assert 'id="recorded-gpu-accuracy"' in html


def test_what_the_page_has_itself_and_what_rests_on_no_data_is_left_out():
    claims = [
        {"title": f"<{kind}>", "estimate": 1.0, "outcome": outcome, "evidence": kind}
        for kind, outcome in (("real data", "supported"), ("measurement", "supported"), ("x", "not tested"))
    ]
    tables = {id_: {"caption": f"Of {id_}.", "columns": ["n"], "rows": [[id_]]} for id_ in ("same", "other")}
    tables["empty"] = {"caption": "Of none.", "columns": ["n"], "rows": []}
    record = {"name": "gpu", "claims": claims, "tables": tables, "values": {"a": 1.0, "b": 2.0, "c": None}}
    html = recorded.html([record], {"tables": {"same": tables["same"]}, "values": {"a": 1.0}})
    assert "&lt;real data&gt;" in html
    assert not any(text in html for text in ("measurement", "&lt;x&gt;", "Of same.", "Of none."))
    assert "<summary>Tables of this run</summary>" in html
    assert "Of other." in html


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_record_is_named(tmp_path, text):
    write_text(tmp_path / "reports" / "full" / "recorded" / "demo.gpu.json", text)
    with pytest.raises(UserError, match=r"demo\.gpu\.json: not a JSON object"):
        recorded.load(tmp_path, "demo")
