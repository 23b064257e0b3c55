"""The page and the index as a browser shows them: offline, both themes, on a phone."""

import pytest

pytestmark = pytest.mark.browser

UNNAMED = """[...document.querySelectorAll("figure svg, svg[role=img], img")]
  .filter((e) => !(e.getAttribute("alt") || e.getAttribute("aria-label") || "").trim()).length"""


@pytest.mark.parametrize("name", ["page", "index"])
def test_nothing_is_requested_and_nothing_complains(browser, pages, name):
    browser.open(pages[name])
    browser.ask("new Promise((done) => setTimeout(done, 100))")
    assert browser.requests == []
    assert browser.messages == []
    assert browser.ask("document.documentElement.lang") == "en"
    assert browser.ask("document.querySelectorAll('h1').length") == 1


def test_every_figure_has_a_name_and_shows_something(browser, pages):
    browser.open(pages["page"])
    assert browser.ask(UNNAMED) == 0
    sizes = browser.ask(
        "[...document.querySelectorAll('figure svg[role=img], figure img')]"
        ".map((e) => e.getBoundingClientRect().width)"
    )
    assert len(sizes) == 2
    assert min(sizes) > 300
    assert browser.ask("[...document.images].every((i) => i.naturalWidth > 100)")
    assert browser.ask("document.querySelector('.formula math').getBoundingClientRect().width") > 200


@pytest.mark.parametrize("name", ["page", "index"])
def test_the_themes_differ(browser, pages, name):
    grounds = []
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        browser.open(pages[name])
        grounds.append(browser.ask("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]  # what can be read on them: test_contrast.py


def test_a_badge_is_told_by_text_too(browser, pages):
    browser.open(pages["page"])
    badges = browser.ask("[...document.querySelectorAll('.claims .badge')].map((e) => e.textContent.trim())")
    assert badges[:2] == ["✓ holds", "stand-in"]
    assert all(len(text) > 3 for text in badges)


def test_the_figure_takes_the_colour_of_the_page(browser, pages):
    inks = []
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        browser.open(pages["page"])
        inks.append(browser.ask("getComputedStyle(document.querySelector('figure svg text')).fill"))
        assert inks[-1] == browser.ask("getComputedStyle(document.body).color")
    assert inks[0] != inks[1]


def test_the_theme_button_turns_the_page_and_back(browser, pages):
    browser.scheme("light")
    browser.open(pages["page"])
    body = "getComputedStyle(document.body).backgroundColor"
    before = browser.ask(body)
    browser.ask("document.querySelector('button.theme').click()")
    assert browser.ask(body) != before
    browser.ask("document.querySelector('button.theme').click()")
    assert browser.ask(body) == before


@pytest.mark.parametrize("name", ["page", "index"])
def test_a_phone_never_scrolls_sideways(browser, pages, name):
    browser.open(pages[name], width=375, height=800)
    browser.ask("document.querySelectorAll('details').forEach((e) => { e.open = true })")
    assert browser.ask("document.scrollingElement.scrollWidth <= innerWidth"), browser.ask(
        "[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth)"
        ".map((e) => e.outerHTML.slice(0, 80))"
    )
    assert browser.ask("innerWidth") == 375


def test_everything_that_takes_the_focus_to_scroll_says_what_it_is(browser, pages):
    browser.open(pages["page"])
    count = browser.ask("document.querySelectorAll('[tabindex=\"0\"]').length")
    assert count > 8
    assert (
        browser.ask(
            "[...document.querySelectorAll('[tabindex=\"0\"]')].filter((e) => e.getAttribute('role') !== 'region'"
            " || !(e.getAttribute('aria-label') || document.getElementById(e.getAttribute('aria-labelledby'))))"
            ".map((e) => e.outerHTML.slice(0, 80))"
        )
        == []
    )


def test_nothing_scrolls_that_cannot_take_the_focus(browser, pages):
    browser.open(pages["page"], width=375, height=800)
    browser.ask("document.querySelectorAll('details').forEach((e) => { e.open = true })")
    assert (
        browser.ask(
            "[...document.querySelectorAll('main *')].filter((e) => e.scrollWidth > e.clientWidth + 1"
            " && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.tabIndex < 0)"
            ".map((e) => e.outerHTML.slice(0, 80))"
        )
        == []
    )


def test_a_figure_scrolls_on_a_phone_before_its_text_gets_small(browser, pages):
    browser.open(pages["page"], width=375, height=800)
    shrunk = browser.ask(
        "[...document.querySelectorAll('figure img')]"
        ".map((e) => e.getBoundingClientRect().width / e.getAttribute('width'))"
    )
    assert shrunk
    assert min(shrunk) >= 0.93  # its text has at least 8 points


def test_rules_fold_on_a_phone_and_stand_open_where_there_is_room(browser, pages):
    opened = "[...document.querySelectorAll('.claims .rule details')].map((e) => e.open)"
    browser.open(pages["page"], width=375)
    assert set(browser.ask(opened)) == {False}
    browser.size(1280)
    browser.ask("new Promise((done) => setTimeout(done, 50))")
    assert set(browser.ask(opened)) == {True}


def test_the_index_says_how_old_a_page_is(browser, pages):
    browser.open(pages["index"])
    assert browser.ask("/^1 March 2026, .* ago$/.test(document.querySelector('time').textContent)")


def test_the_first_column_of_a_wide_table_stays_in_sight(browser, pages):
    browser.open(pages["page"], width=375, height=800)
    cell = "document.querySelector('#wide tbody th').getBoundingClientRect().left"
    before = browser.ask(cell)
    browser.ask("document.querySelector('#wide .scroll').scrollLeft = 200")
    assert browser.ask(cell) == before


def test_a_wide_table_is_set_smaller_and_its_heads_wrap(browser, pages):
    browser.open(pages["page"], width=1280)
    box = "document.querySelector('#wide .scroll')"
    assert browser.ask(f"{box}.scrollWidth < 1.15 * {box}.clientWidth")  # 13 columns with long words
    assert browser.ask("getComputedStyle(document.querySelector('#wide th.number')).whiteSpace") == "normal"
    sizes = browser.ask(
        "['#wide table', '.claims'].map((s) => parseFloat(getComputedStyle(document.querySelector(s)).fontSize))"
    )
    assert sizes[0] < sizes[1]


def test_a_box_that_scrolls_shows_a_shadow_in_both_themes(browser, pages):
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        browser.open(pages["page"], width=375, height=800)
        style = "getComputedStyle(document.querySelector('#wide .scroll'))"
        assert browser.ask(f"{style}.backgroundAttachment") == "local, local, scroll, scroll"
        assert browser.ask(f"{style}.backgroundImage").count("linear-gradient") == 4


def test_a_tablet_gives_tables_the_window(browser, pages):
    browser.open(pages["page"], width=1100)
    assert browser.ask("document.querySelector('#wide .scroll').clientWidth") > 1000
    assert browser.ask("document.querySelector('.prose > p').getBoundingClientRect().width") < 850


def test_wide_tables_scroll_within_their_box(browser, pages):
    browser.open(pages["page"], width=375, height=800)
    assert browser.ask(
        "(() => { const b = document.querySelector('#wide .scroll'); return b.scrollWidth > b.clientWidth; })()"
    )


def test_a_missing_browser_fails_where_ci_is_set(monkeypatch):
    from tests.companion import chromium

    monkeypatch.setattr(chromium.shutil, "which", lambda name: None)
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="not on PATH"):
        chromium.required()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="not on PATH"):
        chromium.required()
