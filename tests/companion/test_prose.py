"""Markdown with mathematics and anchors."""

import pytest

from papers_lib.companion.prose import markdown_html, with_contents
from papers_lib.errors import UserError


@pytest.mark.parametrize("tex", [r"\foo{x}", "x^{", r"\left( a", r"\mathbb{1}"])
def test_a_formula_that_cannot_be_shown_is_named(tex):
    with pytest.raises(UserError) as error:
        markdown_html(f"Text ${tex}$.")
    assert f"formula ${tex}$" in str(error.value)


def test_mathematics_in_text_but_not_in_code_and_links_of_the_notebooks_folder():
    html = markdown_html(
        "$x$ and `$y$`, \\$5 and \\$6\n\n```\n$z$\n```\n\n$$\n\\mathrm{w}\n$$\n\n[x](../a.py)"
    )
    assert html.count("<math") == 2
    for part in ("<code>$y$</code>", "$5 and $6", "$z$", 'display="block"', 'href="../../a.py"'):
        assert part in html


def test_headings_get_anchors_of_their_own_and_are_listed():
    html = markdown_html("# Top\n## Claims\n### See [the map](#x) $H$\n## Accuracy\n#### Detail")
    html = with_contents(f'<!-- contents --><h2 id="claims">Claims</h2><p id="accuracy"></p>{html}')
    for heading in ('<h2 id="top">', '<h2 id="claims-2">', '<h3 id="see-the-map">', '<h4 id="detail">'):
        assert heading in html
    assert '<li class="level-2"><a href="#accuracy-2">Accuracy</a></li>' in html
    assert html.count("<li") == 5
