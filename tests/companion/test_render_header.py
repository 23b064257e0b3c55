"""The top of a page, from the files of a run."""

import pytest

from papers_lib.companion.render_header import data_facts, device_text, facts, warnings

RESULTS = {"profile": "quick", "evidence": "stand-in", "data": {}, "rules_sha256": "a"}


def test_a_manifest_with_nothing_in_it_shows_dashes():
    shown = {fact.name: fact.text for fact in facts(RESULTS, {})}
    assert shown["Commit"] == "none"
    assert {shown[name] for name in ("Date", "Seeds", "Device", "Wall time")} == {"–"}


def test_uncommitted_changes_and_recorded_results():
    manifest = {"commit": "abcdef0123456789", "dirty": True, "record": "gpu"}
    shown = {fact.name: fact.text for fact in facts(RESULTS, manifest)}
    assert shown["Commit"] == "abcdef0123 + changes"
    assert shown["Status"] == "recorded"


def test_each_data_set_has_its_own_fingerprint_and_sizes():
    sizes = {"extra": 1, "test": 300, "train": 800, "val": 400}
    data = {"nih, part 1": {"fingerprint": "1" * 64, "sizes": sizes}, "voc": {"fingerprint": "2" * 64}}
    assert [(entry["name"], entry["text"], entry["sizes"]) for entry in data_facts(data)] == [
        ("nih, part 1", "1" * 12, "train 800, val 400, test 300, extra 1"),
        ("voc", "2" * 12, ""),
    ]
    assert data_facts(data)[0]["title"] == "1" * 64


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
