"""Contrast AA as a browser shows it: page and index, both themes, three widths, the text of drawings included."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 375])
@pytest.mark.parametrize("name", ["page", "index"])
def test_text_and_marks_stand_out(browser, pages, name, width, scheme):
    browser.scheme(scheme)
    browser.open(pages[name], width)
    found = browser.ask(CONTRAST)
    drawn = [pixels for _, _, pixels, in_drawing, _ in found["text"] if in_drawing]
    assert len(found["text"]) > 20
    assert [words for ratio, least, *_, words in found["text"] if ratio < least] == []
    assert [words for ratio, words in found["marks"] if ratio < 3] == []
    if name == "page":
        assert len(drawn) > 5
        assert len(found["marks"]) > 20
        assert min(drawn) >= 10  # 7.5 points


def test_what_does_not_stand_out_is_found(browser, pages):
    browser.scheme("light")
    browser.open(pages["page"])
    browser.ask("document.querySelector('.lead').style.color = '#999'")
    browser.ask("document.querySelector('.verdict').style.opacity = 0.5")
    browser.ask("document.querySelector('figure svg use').style.cssText = 'fill:#ddd;stroke:none'")
    found = browser.ask(CONTRAST)
    low = [words for ratio, least, *_, words in found["text"] if ratio < least]
    assert len(low) >= 2
    assert any(ratio < 1.5 for ratio, _ in found["marks"])
