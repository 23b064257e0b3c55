"""The page and the index as a browser shows them: offline, both themes, on a phone, readable."""

import pytest

from tests.companion.chromium import CONTRAST, DRAWN, OPEN_ALL, UNNAMED

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", ["page", "index"])
def test_nothing_is_requested_and_nothing_complains(browser, pages, name):
    browser.open(pages[name])
    browser.ask("new Promise((done) => setTimeout(done, 100))")
    assert browser.requests == []
    assert browser.messages == []


def test_every_figure_has_a_name_and_shows_something(browser, pages):
    browser.open(pages["page"])
    assert browser.ask(UNNAMED) == 0
    assert browser.ask(f"{DRAWN}.length") == 2
    assert min(browser.ask(f"{DRAWN}.map((e) => e.getBoundingClientRect().width)")) > 300
    assert browser.ask("[...document.images].every((i) => i.naturalWidth > 100)")
    assert browser.ask("document.querySelector('.formula math').getBoundingClientRect().width") > 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("page", 1280), ("page", 375), ("index", 375)])
def test_text_and_marks_stand_out(browser, pages, name, width, scheme):
    browser.open(pages[name], width, scheme)
    found = browser.ask(CONTRAST)
    assert len(found["text"]) > 20
    assert [words for ratio, least, *_, words in found["text"] if ratio < least] == []
    assert [words for ratio, words in found["marks"] if ratio < 3] == []
    if name == "page":
        drawn = [pixels for _, _, pixels, in_drawing, _ in found["text"] if in_drawing]
        assert len(drawn) > 5
        assert len(found["marks"]) > 20
        assert min(drawn) >= 10  # 7.5 points


def test_the_theme_button_turns_page_and_drawings_and_back(browser, pages):
    browser.open(pages["page"])
    text = "getComputedStyle(document.querySelector('figure svg text')).fill"
    looks = f"[getComputedStyle(document.body).backgroundColor, {text}]"
    light = browser.ask(looks)
    browser.ask("document.querySelector('button.theme').click()")
    assert all(before != after for before, after in zip(light, browser.ask(looks), strict=True))
    browser.ask("document.querySelector('button.theme').click()")
    assert browser.ask(looks) == light
    browser.ask("localStorage.removeItem('theme')")


@pytest.mark.parametrize("name", ["page", "index"])
def test_a_phone_never_scrolls_sideways(browser, pages, name):
    browser.open(pages[name], width=375)
    browser.ask(OPEN_ALL)
    assert browser.ask("document.scrollingElement.scrollWidth <= innerWidth")
    assert browser.ask("innerWidth") == 375


def test_what_scrolls_takes_the_focus_and_says_what_it_is(browser, pages):
    browser.open(pages["page"], width=375)
    browser.ask(OPEN_ALL)
    assert browser.ask("document.querySelectorAll('[tabindex=\"0\"]').length") > 8
    name = "e.ariaLabel || document.getElementById(e.getAttribute('aria-labelledby'))"
    unnamed = f"e.getAttribute('tabindex') === '0' && !(e.role === 'region' && ({name}))"
    scrolls = (
        "e.scrollWidth > e.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)"
    )
    for wrong in (unnamed, f"{scrolls} && e.tabIndex < 0"):
        found = f"[...document.querySelectorAll('main *')].filter((e) => {wrong})"
        assert browser.ask(f"{found}.map((e) => e.outerHTML.slice(0, 80))") == []


def test_a_phone_shows_figures_and_tables_readable(browser, pages):
    browser.open(pages["page"], width=375)
    shrunk = "document.querySelector('figure img')"
    assert browser.ask(f"{shrunk}.getBoundingClientRect().width / {shrunk}.getAttribute('width')") >= 0.93
    box, first = (f"document.querySelector('#wide {what}')" for what in (".scroll", "tbody th"))
    assert browser.ask(f"{box}.scrollWidth > {box}.clientWidth")
    before = browser.ask(f"{first}.getBoundingClientRect().left")
    browser.ask(f"{box}.scrollLeft = 200")
    assert browser.ask(f"{first}.getBoundingClientRect().left") == before  # the first column stays in sight


def test_rules_and_contents_fold_on_a_phone_and_stand_open_where_there_is_room(browser, pages):
    opened = "[...document.querySelectorAll('details[data-open-from]')].map((e) => e.open)"
    browser.open(pages["page"], width=375)
    assert set(browser.ask(opened)) == {False}
    browser.size(1280)
    browser.ask("new Promise((done) => setTimeout(done, 50))")
    assert set(browser.ask(opened)) == {True}
