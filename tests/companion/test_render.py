"""The page and the index: order, folding, what is dropped, what is refused."""

import json
import re
from contextlib import contextmanager

import pytest

from papers_lib.companion.render import refuse_requests, render, render_index, timings_html
from papers_lib.errors import UserError
from papers_lib.files import write_json, write_text
from tests.companion import page_fixture


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    with page_fixture.checkout(tmp_path_factory.mktemp("co")) as root:
        page_fixture.record(root)
        out = page_fixture.build(root)
        yield root, out, render("demo", out, root).read_text()


@contextmanager
def changed(out, kind, **changes):
    """The results or the manifest with other content, for a while."""
    path = out / f"demo.{kind}.json"
    before = path.read_text()
    write_json(path, json.loads(before) | changes)
    try:
        yield
    finally:
        path.write_text(before)


def row(html, claim):
    """The row of a claim."""
    return html.split(f'id="claim-{claim}"')[1].split("</tr>")[0]


def test_the_page_keeps_the_order_of_a_report(built):
    order = ['class="strip"', "<h1>Looking where it matters", "Ada Example", 'id="verdict"']
    order += ["The heatmap loss moves 0.5", 'class="claims"', 'id="regenerated"', 'id="method"', 'id="fig6"']
    order += ['id="limits"', 'id="recorded"', "not regenerated here", "Example GPU"]
    order += ["papers run demo --profile quick", "@inproceedings{example2022"]
    places = [built[2].index(part) for part in order]
    assert places == sorted(places)


def test_provenance_is_at_the_top(built):
    strip = built[2].split('class="strip"')[1].split("</dl>")[0]
    told = [
        "discs <code",
        ">0123456789ab</code>",
        "train 300",
        "<dd>quick</dd>",
        ">0123456789<",
        "<dd>12</dd>",
    ]
    told += ["2026-03-01 12:30 UTC", "Example CPU at 2.5 GHz, 2 cores", "3 min 12 s", "synthetic data"]
    assert [text for text in told if text not in strip] == []


def test_cells_are_folded_or_dropped(built):
    html = built[2]
    expected = {"Code: Parameters", "Code: Parameters of the notebook", "Code: Train both groups", "Code"}
    assert expected <= {*re.findall(r"<summary>(.*?)</summary>", html)}
    for dropped in ("Title for the lab", "WARNING on stderr", "20 %"):
        assert dropped not in html
    assert "plain line" in html
    assert html.count(" open>") == html.count("<summary>Show the rule")  # all else is folded
    assert re.search(r'<div class="prose"><p>Mean share: <strong>0\.\d\d</strong>; .*<math', html)


def test_a_claim_has_outcome_and_evidence_as_text_and_a_link(built):
    heart = row(built[2], "heart")
    assert re.search(r'class="badge supported">.*?</span>\s+supported</span>', heart)
    for text in ("synthetic data", 'href="#fig6"', "absolute value not comparable", "Section 3, p. 3"):
        assert text in heart
    assert 'class="badge contradicted"' in row(built[2], "worse")
    assert 'class="badge inconclusive"' in row(built[2], "accuracy")
    weight = row(built[2], "weight")
    assert 'class="badge not-tested"' in weight
    assert "Our observation" in weight
    assert '../full/demo.html#claim-weight">published page' in weight
    assert 'href="#scan"' not in built[2]
    assert '(made in full); see the <a href="../full/demo.html#scan">published page' in built[2]


def test_what_these_data_do_not_give_is_said_instead_of_linked(built):
    root, out, before = built
    with changed(out, "results", absent={"fig6": "no <heart>"}):
        html = render("demo", out, root).read_text()
    assert "evidence not shown: no &lt;heart&gt;" in row(html, "heart")
    assert "<a " not in row(html, "heart")
    items, others = (page.split('id="regenerated"')[1].split("</ul>")[0] for page in (html, before))
    assert "not shown: no &lt;heart&gt;" in items
    assert ('href="#fig6"' in items, 'href="#fig6"' in others) == (False, True)


def test_changed_rules_smoke_and_uncommitted_code_are_said(built):
    root, out, before = built
    little = dict.fromkeys(("wall_seconds", "device", "libraries", "commit")) | {
        "dirty": True,
        "seeds": [0, 1],
    }
    with changed(out, "results", rules_sha256="0" * 64, profile="smoke"), changed(out, "manifest", **little):
        html = render("demo", out, root).read_text()
    for text in ("rules of the claims", "not evidence", "uncommitted", "none + changes", "<dd>0, 1</dd>"):
        assert text in html
        assert text not in before


def test_ids_are_unique_and_local_links_lead_somewhere(built):
    ids = re.findall(r'\sid="([^"]+)"', built[2])
    assert len(ids) == len(set(ids))
    assert {*re.findall(r'href="#([^"]+)"', built[2])} <= {*ids}


REQUESTS = """<img alt="" src="https://example.org/a.png">
<script src=//cdn.example.org/x.js></script>
<style>@import 'https://example.org/a.css'</style>
<div style="background:url(http://example.org/a.png)"></div>
<link rel="stylesheet" href="style.css">"""


@pytest.mark.parametrize("markup", REQUESTS.splitlines())
def test_a_page_that_would_make_a_request_is_refused(markup):
    with pytest.raises(UserError, match="would fetch"):
        refuse_requests(f"<p>{markup}</p>", "demo")
    link = '<a href="https://example.org">x</a><img alt="" src="data:,">'
    refuse_requests(f"{link}<pre>{markup}</pre>", "demo")


def test_timings(tmp_path):
    assert timings_html(tmp_path / "none.json") == ""
    rows = [{"key": "m", "ratio": 1.5, "step": "map"}, {"step": "a"}]
    html = timings_html(write_json(tmp_path / "t.json", {"note": "Alone.", "rows": rows}))
    for text in ("Alone.", ">map<", ">1.500<", ">–<"):
        assert text in html
    assert re.findall(r'<th scope="col"[^>]*>(.*?)</th>', html) == ["step", "ratio"]
    with pytest.raises(UserError, match=r"bad.json: missing or no JSON"):
        timings_html(write_text(tmp_path / "bad.json", "{"))


def test_the_index_shows_each_paper_with_outcomes_and_a_figure(built, tmp_path):
    root, out, _ = built
    html = render_index(out, root).read_text()
    for suffix in ("html", "results.json", "claims.md"):
        assert f'href="demo.{suffix}"' in html
    for text in ("Looking where it matters", "1 supported", "1 not tested", "synthetic data", "3 min 12 s"):
        assert text in html
    assert 'aria-label="Dots: heatmap at 0.8, CCE at 0.3"' in html
    assert "url(#demo-" in html  # the drawing's ids are its own
    refuse_requests(html, "index")
    assert "No page has been made" in render_index(tmp_path, root).read_text()
