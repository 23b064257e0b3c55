"""The index of a report folder."""

import base64

import pytest

from papers_lib.companion.index_page import thumbnail
from papers_lib.companion.render import refuse_requests, render, render_index
from tests.companion import page_fixture


def test_index_shows_each_paper_with_outcomes_and_thumbnail(tmp_path):
    with page_fixture.checkout(tmp_path) as root:
        out = page_fixture.build(root)
        assert "No page has been made" in render_index(out, root).read_text()  # results alone are no page
        render("demo", out, root)
        html = render_index(out, root).read_text()
    for text in ("Looking where it matters", 'href="demo.html"', "1 holds", "1 opposite", "1 not tested"):
        assert text in html
    assert '<time datetime="2026-03-01T12:30:59Z">1 March 2026</time>, profile quick' in html
    assert "3 min 12 s, without runs that the cache had" in html
    assert "from an empty cache" not in html
    assert 'href="demo.results.json"' in html
    assert 'alt="Dots: heatmap at 0.8, CCE at 0.3"' in html
    refuse_requests(html, "index")


def test_a_vector_thumbnail_is_drawn_in_ink():
    figure = '<figure id="a"><svg aria-label="A &amp; B" fill="currentColor"></svg></figure>'
    picture, alt = thumbnail(f"<p></p>{figure}<figure id='b'></figure>")
    assert alt == "A & B"
    drawn = base64.b64decode(picture.partition(",")[2]).decode()
    assert "currentColor" not in drawn
    assert drawn.startswith("<svg")


@pytest.mark.parametrize("html", ["<p>none</p>", '<figure id="x"></figure>'])
def test_no_figure_no_thumbnail(html):
    assert thumbnail(html) == ("", "")


def test_the_claims_file_chooses_the_thumbnail():
    figures = "".join(
        f'<figure id="{id_}"><img alt="{id_}" src="data:image/webp;base64,AA=="></figure>' for id_ in "ab"
    )
    assert thumbnail(figures, "b")[1] == "b"
    assert thumbnail(figures, "gone")[1] == thumbnail(figures)[1] == "a"  # not made in this profile
