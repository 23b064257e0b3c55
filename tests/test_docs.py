"""Every link of README, CHANGELOG and docs that stays in the repository leads somewhere."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").glob("*.md")), *ROOT.glob("benchmarks/*.md")]
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?\s*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", flags=re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """Targets of links and images outside of code."""
    return LINK.findall(re.sub(r"`[^`\n]*`", "", FENCE.sub("", text)))


@cache
def anchors(page: Path) -> set[str]:
    """Anchors that a code host gives to the headings of a page: lower case, hyphens, letters and digits."""
    found: set[str] = set()
    for title in re.findall(
        r"^#{1,6} (.+?)\s*#*$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE
    ):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = sum(
            known == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", known) is not None for known in found
        )
        found.add(f"{slug}-{count}" if slug in found else slug)
    return found


def broken(page: Path) -> list[str]:
    """Links of a page that lead to no file, or to no heading of it."""
    wrong = []
    for link in links(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    assert broken(page) == []


def test_every_page_is_reached_from_readme() -> None:
    seen, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        paths = (link.partition("#")[0] for link in links(page.read_text(encoding="utf-8")))
        waiting += [(page.parent / path).resolve() for path in paths if path and ":" not in path]
    assert set(PAGES) - seen == set()
