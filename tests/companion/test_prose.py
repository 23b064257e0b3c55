"""Markdown with mathematics, anchors and the contents list."""

import pytest

from papers_lib.companion.prose import Contents, markdown_html
from papers_lib.errors import UserError


@pytest.mark.parametrize("tex", [r"\foo{x}", "x^{", r"\left( a", r"\mathbb{1}"])
def test_a_formula_that_cannot_be_shown_is_named(tex):
    with pytest.raises(UserError) as error:
        markdown_html(f"Text ${tex}$.", Contents())
    assert f"formula ${tex}$" in str(error.value)


def test_mathematics_in_text_but_not_in_code():
    html = markdown_html("$x$ and `$y$`, \\$5 and \\$6\n\n```\n$z$\n```\n\n$$\n\\mathrm{w}\n$$", Contents())
    assert html.count("<math") == 2
    assert "<code>$y$</code>" in html
    assert "$5 and $6" in html
    assert "$z$" in html
    assert 'display="block"' in html


def test_headings_get_anchors_of_their_own_and_make_the_contents():
    contents = Contents(reserved={"accuracy"})  # the id of a table
    contents.add(2, "Claims")
    html = markdown_html("# Top\n## Claims\n### See [the map](#x) $H$\n## Élan\n## Accuracy", contents)
    assert '<h2 id="top">' in html
    anchors = [(level, anchor) for level, anchor, _ in contents.entries]
    assert anchors == [
        (2, "claims"),
        (2, "top"),
        (2, "claims-2"),
        (3, "see-the-map"),
        (2, "elan"),
        (2, "accuracy-2"),
    ]
    assert "<a" not in contents.entries[3][2]  # it becomes a link itself


def test_links_of_the_notebooks_folder_are_right_in_the_reports_folder():
    assert 'href="../../papers_lib/cams.py"' in markdown_html("[x](../papers_lib/cams.py)", Contents())
