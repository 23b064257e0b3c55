"""The page: order, folding, what is dropped, what is refused."""

import json
import re

import nbformat
import pytest

from papers_lib.companion import render as module
from papers_lib.companion.render import code_summary, refuse_requests, render, timings_html
from papers_lib.errors import UserError
from papers_lib.files import write_json, write_text
from tests.companion import page_fixture


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    with page_fixture.checkout(tmp_path_factory.mktemp("co")) as root:
        page_fixture.record(root)
        out = page_fixture.build(root)
        yield root, out, render("demo", out, root).read_text()


def test_the_page_keeps_the_order_of_a_report(built):
    html = built[2]
    order = [
        'class="strip"',
        "<h1>Looking where it matters",
        "Ada Example",
        'id="verdict"',
        "The heatmap loss moves 0.5",
        'class="claims"',
        'id="regenerated"',
        'id="method"',
        'id="fig6"',
        'id="limits"',
        'id="recorded"',
        "papers run demo --profile quick",
        "@inproceedings{example2022looking",
    ]
    places = [html.index(part) for part in order]
    assert places == sorted(places)


def test_provenance_is_there(built):
    strip = built[2].split('class="strip"')[1].split("</dl>")[0]
    assert '<span>discs</span> <code title="' + "0123456789abcdef" * 4 + '">0123456789ab</code>' in strip
    for text in (
        "train 300",
        "quick",
        "0123456789",
        "2026-03-01 12:30 UTC",
        "Example CPU",
        "3 min 12 s",
        "discs",
        "stand-in",
    ):
        assert text in strip


def test_cells_are_folded_or_dropped(built):
    html = built[2]
    summaries = re.findall(r"<summary>(.*?)</summary>", html)
    for text in (
        "Code: Train both groups",
        "Code: parameters of this run",
        "Code: parameters as the notebook has them",
        "Code",
        "How to read this table",
    ):
        assert text in summaries
    for dropped in ("Title for the lab", "WARNING on stderr", "20 %"):
        assert dropped not in html
    assert "plain line" in html
    assert html.count("<details open") == html.count(
        'data-label="Rule"><details open'
    )  # rules are read at once


def test_what_is_not_tested_links_to_the_published_page(built):
    html = built[2]
    assert '../full/demo.html#claim-weight">published page' in html
    assert '../full/demo.html#scan">published page' in html
    assert "not in quick (made in full); see the" in html
    assert "not tested in quick" in html


def test_every_claim_has_outcome_and_evidence_as_text_and_a_link(built):
    html = built[2]
    row = html.split('id="claim-heart"')[1].split("</tr>")[0]
    assert re.search(r'class="badge holds">.*?</span> holds</span>', row)
    assert "stand-in" in row
    assert 'href="#fig6"' in row
    assert "absolute value not comparable" in row


def test_what_these_data_do_not_give_is_said_instead_of_linked(built):
    root, out, before = built
    results = json.loads((out / "demo.results.json").read_text())
    changed = json.loads(json.dumps(results))
    changed["absent"] = {"fig6": "these discs have no heart"}
    changed["figures"].pop("fig6")
    for claim in changed["claims"]:
        if claim["id"] == "heart":
            claim |= {
                "outcome": "not tested",
                "reason": "no rows",
                "estimate": None,
                "low": None,
                "high": None,
            }
    try:
        write_json(out / "demo.results.json", changed)
        html = render("demo", out, root).read_text()
    finally:
        write_json(out / "demo.results.json", results)
    row = html.split('id="claim-heart"')[1].split("</tr>")[0]
    assert "evidence not shown: these discs have no heart" in row
    assert "<a " not in row
    items = html.split('id="regenerated"')[1].split("</table>")[0]
    assert "<td>not shown: these discs have no heart</td>" in items
    assert 'href="#fig6"' not in items
    assert 'href="#fig6"' in before.split('id="regenerated"')[1].split("</table>")[0]
    assert (
        "Not decided on this page: “Models trained with the heatmap loss rely more on the heart” (no rows)."
        in html
    )


def test_the_rules_words_are_those_of_the_claims_file_while_the_rules_are_the_same(built):
    root, out, before = built
    file = root / "notebooks" / "claims" / "demo.yaml"
    try:
        labels = 'labels: {heart_share: "heat in the heart", cce: "CCE"}\nitems:\n'
        write_text(file, page_fixture.CLAIMS.replace("items:\n", labels, 1))
        named = render("demo", out, root).read_text()
        write_text(file, file.read_text().replace("margin: 0.05", "margin: 0.06"))
        other = render("demo", out, root).read_text()
    finally:
        write_text(file, page_fixture.CLAIMS)
    assert "heat in the heart, heatmap minus CCE" in named
    for html in (before, other):
        assert "heart_share, heatmap minus cce" in html
        assert "heat in the heart, heatmap minus CCE" not in html


def test_how_to_read_the_table_is_folded_above_it(built):
    howto, table = built[2].split('<details class="howto">')[1].split("</details>", 1)
    assert howto.count("<li>") == 5
    for text in ("median of all pairwise differences", "margin", "inconclusive", "Stand-in", "Holm", "floor"):
        assert text in howto
    assert 'class="claims"' in table


def test_ids_are_unique_and_local_links_lead_somewhere(built):
    html = built[2]
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'href="#([^"]+)"', html):
        assert target in ids


def test_changed_rules_and_dirty_code_are_said(built):
    root, out, _ = built
    manifest = json.loads((out / "demo.manifest.json").read_text())
    results = json.loads((out / "demo.results.json").read_text())
    try:
        write_json(out / "demo.manifest.json", {**manifest, "dirty": True})
        write_json(out / "demo.results.json", {**results, "rules_sha256": "0" * 64, "profile": "smoke"})
        html = render("demo", out, root).read_text()
    finally:
        write_json(out / "demo.manifest.json", manifest)
        write_json(out / "demo.results.json", results)
    for text in ("rules of the claims were changed", "uncommitted changes", "not evidence"):
        assert text in html
        assert text not in built[2]


def test_rendering_again_gives_the_same_bytes(built):
    root, out, html = built
    assert render("demo", out, root).read_text() == html


def test_missing_files_are_named(built, tmp_path):
    with pytest.raises(UserError, match=r"demo\.results\.json: not found"):
        render("demo", tmp_path, built[0])


@pytest.mark.parametrize(
    "markup",
    [
        '<img alt="" src="https://example.org/a.png">',
        "<script src=//cdn.example.org/x.js></script>",
        "<style>@import 'https://example.org/a.css'</style>",
        '<div style="background:url(http://example.org/a.png)"></div>',
        '<link rel="stylesheet" href="style.css">',
        '<img src="figures/a.png" alt="">',
    ],
)
def test_a_page_that_would_make_a_request_is_refused(markup):
    with pytest.raises(UserError, match="would fetch"):
        refuse_requests(f"<p>{markup}</p>", "demo")


def test_links_and_quoted_markup_are_no_requests():
    refuse_requests(
        '<a href="https://example.org">x</a><pre>&lt;img src="https://e.org"&gt;</pre><img alt="" src="data:,">',
        "demo",
    )


def test_an_image_without_alt_text_is_refused():
    output = nbformat.v4.new_output("display_data", data={"image/png": "AA==", "text/plain": "<Figure>"})
    with pytest.raises(UserError, match="without alt text"):
        module.plain_image(output, "image/png")
    output.metadata = {"alt": "A & B"}
    assert module.plain_image(output, "image/png") == (
        '<figure><img alt="A &amp; B" src="data:image/png;base64,AA=="></figure>'
    )


def test_code_summary():
    assert code_summary({"source": "x = 1", "metadata": {}}) == "Code"
    assert code_summary({"source": "\n## Table 1\nx", "metadata": {}}) == "Code: Table 1"


def test_timings(tmp_path):
    assert timings_html(tmp_path / "none.json") == ""
    path = write_json(
        tmp_path / "t.json",
        {"note": "Alone.", "rows": [{"key": "m", "ratio": 1.5, "step": "map"}, {"step": "a"}]},
    )
    html = timings_html(path)
    for text in ("Alone.", ">map<", ">1.500<", ">–<"):
        assert text in html
    assert re.findall(r'<th scope="col"[^>]*>(.*?)</th>', html) == ["step", "ratio"]
    with pytest.raises(UserError, match=r"bad.json: not JSON"):
        timings_html(write_text(tmp_path / "bad.json", "{"))
