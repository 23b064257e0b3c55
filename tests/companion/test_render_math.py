"""Markdown with mathematics, anchors and the contents list."""

import pytest

from papers_lib.companion.render_math import Contents, contents_tree, markdown_html, mathml
from papers_lib.errors import UserError


@pytest.mark.parametrize(
    ("tex", "why"),
    [
        (r"\foo{x}", r"unknown command \\foo"),
        (r"\frac{1}", "an argument of mfrac is missing"),
        ("x^{", "MissingSuperScript"),
        (r"\left( a", "ExtraLeft"),
    ],
)
def test_a_formula_that_cannot_be_parsed_is_named(tex, why):
    with pytest.raises(UserError, match=why) as error:
        markdown_html(f"Text ${tex}$.", Contents())
    assert f"formula ${tex}$" in str(error.value)


def test_styled_letters_are_characters():
    assert "<mn>𝟙</mn>" in mathml(r"\mathbb{1}")
    assert "<mi>𝜽</mi>" in mathml(r"\boldsymbol{\theta}")
    assert "mathvariant" not in mathml(r"\mathbf{w}")


def test_mathematics_in_text_but_not_in_code():
    html = markdown_html("$x$ and `$y$`, \\$5 and \\$6\n\n```\n$z$\n```\n\n$$\nw\n$$", Contents())
    assert html.count("<math") == 2
    assert "<code>$y$</code>" in html
    assert "$5 and $6" in html
    assert "$z$" in html
    assert 'display="block"' in html


def test_headings_get_unique_anchors_and_make_the_contents():
    contents = Contents()
    contents.add(2, "Claims")
    html = markdown_html("# Top\n## Claims\n### The map $H$\n#### Deep\n## Élan", contents)
    assert '<h2 id="top">' in html
    assert '<h2 id="claims-2">' in html
    tree = list(contents_tree(contents))
    assert [entry["anchor"] for entry in tree] == ["claims", "top", "claims-2", "elan"]
    assert [entry["anchor"] for entry in tree[2]["sections"]] == ["the-map"]


def test_links_in_headings_do_not_nest_in_the_contents():
    contents = Contents()
    markdown_html("## See [it](#x)", contents)
    assert contents.entries == [(2, "see-it", "See it")]


def test_a_heading_does_not_take_the_id_of_a_table():
    assert '<h2 id="accuracy-2">' in markdown_html("## Accuracy", Contents(reserved={"accuracy"}))
