"""The top of a page, from the files of a run."""

import pytest

from papers_lib.companion.render_header import claim_rows, device_text, facts, outcome_counts, warnings

RESULTS = {"profile": "quick", "evidence": "stand-in", "data": {}, "rules_sha256": "a"}
CLAIM = {
    "id": "c",
    "kind": "claim",
    "title": "t",
    "outcome": "holds",
    "evidence": "stand-in",
    "estimate": 1.0,
    "paper_value": 0.5,
    "figure": "fig6",
}


def test_a_manifest_with_nothing_in_it_shows_dashes():
    shown = {fact.name: fact.text for fact in facts(RESULTS, {})}
    assert shown["Commit"] == "none"
    assert {shown[name] for name in ("Date", "Seeds", "Device", "Wall time", "Data", "Fingerprint")} == {"–"}


def test_uncommitted_changes_and_several_data_sets():
    data = {"nih": {"fingerprint": "1" * 64}, "voc": {"fingerprint": "2" * 64}}
    manifest = {"commit": "abcdef0123456789", "dirty": True, "record": "gpu"}
    shown = {fact.name: fact.text for fact in facts({**RESULTS, "data": data}, manifest)}
    assert shown["Commit"] == "abcdef0123 + changes"
    assert shown["Data"] == "nih, voc"
    assert shown["Fingerprint"] == "111111111111, 222222222222"
    assert shown["Status"] == "recorded"


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        ({"device": {"type": "cuda", "name": "GPU X"}, "machine": {"cores": 8}}, "GPU X"),
        ({"device": {"type": "cpu", "name": "CPU Y"}, "machine": {"cores": 8}}, "CPU Y, 8 cores"),
        ({"device": "cpu"}, "cpu"),
    ],
)
def test_device(manifest, text):
    assert device_text(manifest) == text


def test_warnings_are_about_this_page_only():
    assert warnings(RESULTS, {}, "a") == []
    assert len(warnings({**RESULTS, "profile": "smoke"}, {"dirty": True}, "b")) == 3


def test_absolute_values_are_comparable_on_real_data_or_where_declared():
    def flag(claim, comparable):
        return claim_rows([claim], [], comparable)[0]["not_comparable"]

    assert flag(CLAIM, {})
    assert not flag(CLAIM, {"c": True})
    assert not flag({**CLAIM, "evidence": "real data"}, {})
    assert not flag({**CLAIM, "paper_value": None}, {})


def test_a_figure_that_the_page_lacks_is_not_linked():
    assert claim_rows([CLAIM], ["fig6"], {})[0]["figure"] == "fig6"
    assert claim_rows([CLAIM], [], {})[0]["figure"] == ""


def test_counts_keep_a_fixed_order():
    claims = [CLAIM | {"outcome": o} for o in ("not tested", "opposite", "holds", "holds")]
    assert [(c["outcome"], c["count"]) for c in outcome_counts(claims)] == [
        ("holds", 2),
        ("opposite", 1),
        ("not tested", 1),
    ]
