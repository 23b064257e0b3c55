"""Markdown with mathematics and anchors."""

import pytest

from papers_lib.companion.prose import markdown_html
from papers_lib.errors import UserError


@pytest.mark.parametrize("tex", [r"\foo{x}", "x^{", r"\left( a", r"\mathbb{1}"])
def test_a_formula_that_cannot_be_shown_is_named(tex):
    with pytest.raises(UserError) as error:
        markdown_html(f"Text ${tex}$.", set())
    assert f"formula ${tex}$" in str(error.value)


def test_mathematics_in_text_but_not_in_code():
    html = markdown_html("$x$ and `$y$`, \\$5 and \\$6\n\n```\n$z$\n```\n\n$$\n\\mathrm{w}\n$$", set())
    assert html.count("<math") == 2
    assert "<code>$y$</code>" in html
    assert "$5 and $6" in html
    assert "$z$" in html
    assert 'display="block"' in html


def test_headings_get_anchors_of_their_own():
    taken = {"accuracy", "claims"}  # ids of a table and of a section of the page
    html = markdown_html("# Top\n## Claims\n### See [the map](#x) $H$\n## Élan\n## Accuracy", taken)
    for heading in ('<h2 id="top">', '<h2 id="claims-2">', '<h3 id="see-the-map">', '<h2 id="elan">'):
        assert heading in html
    assert '<h2 id="accuracy-2">' in html
    assert {"top", "elan", "accuracy-2"} <= taken


def test_links_of_the_notebooks_folder_are_right_in_the_reports_folder():
    assert 'href="../../papers_lib/cams.py"' in markdown_html("[x](../papers_lib/cams.py)", set())
