"""SVG made fit for a page: ids, ink, numbers."""

import re

import pytest

from papers_lib.companion.svg import inline_svg, scrolling

DOCUMENT = """<?xml version="1.0"?>
<svg width="72pt" height="36pt" viewBox="0 0 72 36">
 <metadata><a>2026</a></metadata>
 <defs><style type="text/css">*{stroke-linejoin: round}</style></defs>
 <g id="axes_1"><!-- note -->
  <path id="mark" d="M 0.123456 -0.001
L 2.5 3.999" style="fill: #010203; stroke: #0072b2"/>
  <use xlink:href="#mark" x="1.005001" clip-path="url(#clip)"/>
  <text style="font-size: 10px; font-family: 'DejaVu Sans', sans-serif; fill: #010203">1.23456</text>
 </g>
 <defs><clipPath id="clip"><rect x="1.0"/></clipPath></defs>
</svg>"""


def test_ink_ids_and_numbers():
    svg = inline_svg(DOCUMENT, "fig1", 'A "line" & more', ["#0072B2"])
    assert "#010203" not in svg
    assert svg.count("currentColor") == 2
    assert "var(--hue-0072b2,#0072b2)" in svg
    assert 'd="M 0.12 0 L 2.5 4"' in svg
    assert ">1.23456<" in svg  # tick labels are text, not coordinates
    assert re.findall(r'\bid="([^"]+)"', svg) == ["fig1-1", "fig1-2"]
    assert 'xlink:href="#fig1-1"' in svg
    assert "url(#fig1-2)" in svg
    assert 'aria-label="A &quot;line&quot; &amp; more"' in svg
    assert not re.search(r"<style|<metadata|<!--|DejaVu|<svg[^>]* (?:width|height)=", svg)


def test_two_figures_share_no_id():
    both = [re.findall(r'\bid="([^"]+)"', inline_svg(DOCUMENT, name, "x")) for name in ("a", "b")]
    assert not set(both[0]) & set(both[1])


def test_what_is_too_wide_for_a_phone_scrolls_and_what_is_not_does_not():
    drawing = '<figure id="{0}" class="vector"><svg role="img" viewBox="0 0 {1} 9"><g/></svg></figure>'
    picture = '<figure class="raster"><img alt="x" width="{0}" height="9" src="data:,"></figure>'
    narrow, wide = drawing.format("a", 271.5), drawing.format("b", 692.4)
    page = scrolling(narrow + wide + picture.format(300) + picture.format(800))
    assert narrow in page
    assert picture.format(300) in page
    assert page.count('<div class="scroll drawing" tabindex="0" role="region" aria-label="Figure"') == 2
    assert '--narrowest:866px"><svg role="img" viewBox="0 0 692.4 9"><g/></svg></div></figure>' in page
    assert '--narrowest:750px"><img alt="x" width="800"' in page


def test_other_documents_are_refused():
    with pytest.raises(ValueError, match="viewBox"):
        inline_svg("<svg/>", "a", "b")
