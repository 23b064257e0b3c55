"""``papers check``: does each published page still stand on what its manifest says?

Problems make the command fail; a warning does not: code, parameters or libraries that changed since the
results were made are what a new ``papers run`` is for.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from papers_lib.companion import paths, profiles, provenance, staleness

MAX_PAGE_BYTES = 1_500_000
# Attributes that a browser fetches by itself to show a page; the href of <a> is fetched on a click only.
_FETCHED = {"src", "srcset", "poster", "data", "background", "xlink:href"}
_FETCHED_HREF = {"link", "image", "use", "base"}
_IN_STYLE = re.compile(r"""url\(\s*["']?(?!data:|#)([^"')]+)|@import\s+["']([^"']+)""", re.IGNORECASE)
_IN_SCRIPT = re.compile(
    r"""\b(?:fetch|import|open|importScripts|sendBeacon|Worker|EventSource|WebSocket)\s*\("""
    r"""[^)]*?["'`]((?:https?:|wss?:)?//[^"'`]+)"""
)


class _References(HTMLParser):
    """Collects whatever a page would fetch: it is self-contained if that is nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag if tag in ("style", "script") else ""
        for name, value in attrs:
            text = (value or "").strip()
            if name == "style":
                self._style(text)
            elif name == "content" and ("http-equiv", "refresh") in [
                (n, (v or "").lower()) for n, v in attrs
            ]:
                self.found.append(f"<{tag} {name}={text[:80]}>")
            elif name in _FETCHED or (name == "href" and tag in _FETCHED_HREF):
                if tag == "a" or not text or text.startswith(("data:", "#")):
                    continue
                self.found.append(f"<{tag} {name}={text[:80]}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._inside = ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self._style(data)
        elif self._inside == "script":
            self.found += [f"script calling {match[:80]}" for match in _IN_SCRIPT.findall(data)]

    def _style(self, text: str) -> None:
        self.found += [f"style with {(a or b)[:80]}" for a, b in _IN_STYLE.findall(text)]


def requests_of(html: str) -> list[str]:
    """What a browser would fetch to show the page ``html``; empty for a self-contained one.

    >>> requests_of('<a href="https://a.org">a</a><img src="data:image/png;base64,AA">')
    []
    >>> requests_of('<script src="https://cdn.org/x.js"></script>')
    ['<script src=https://cdn.org/x.js>']
    """
    parser = _References()
    parser.feed(html)
    parser.close()
    return parser.found


def _file_problems(out: Path, slug: str, manifest: dict[str, Any]) -> Iterator[str]:
    entries = manifest.get("files", {})
    there = provenance.file_entries(out, slug)  # timings may have come after the page
    for name in sorted({*(f"{slug}.{s}" for s in ("html", "results.json", "claims.md")), *there, *entries}):
        if name not in entries:
            yield f"{name} is not in the manifest"
        elif not (out / name).is_file():
            yield f"{name} is missing"
        elif provenance.sha256(out / name) != entries[name]["sha256"]:
            yield f"{name} is not the file that was published (its hash differs from the manifest)"


def _page_problems(page: Path) -> Iterator[str]:
    if not page.is_file():
        return
    if (size := page.stat().st_size) > MAX_PAGE_BYTES:
        yield f"{page.name} has {size / 1e6:.2f} MB; at most {MAX_PAGE_BYTES / 1e6:.1f} MB"
    yield from (f"{page.name} fetches: {what}" for what in requests_of(page.read_text(encoding="utf-8")))


def _rules_problem(root: Path, slug: str, manifest: dict[str, Any]) -> Iterator[str]:
    from papers_lib.companion.claims import load_claims

    if load_claims(paths.claims_path(root, slug)).rules_sha256 != manifest.get("rules_sha256"):
        yield f"the claim rules changed after the results were made; run: {manifest['command']}"


def _changes(root: Path, slug: str, profile: str, manifest: dict[str, Any]) -> list[str]:
    """What moved since the results were made; device and data roots may be those of another machine."""
    parameters = {**profiles.resolve(root, slug, profile), "device": "cpu"}
    parameters = {name: "" if name.endswith("_root") else value for name, value in parameters.items()}
    new = staleness.components(root, slug, parameters, manifest.get("record"))
    new = {name: part for name, part in new.items() if name != "device" and not name.endswith("_root")}
    return staleness.differences(manifest["components"], new)


def check_page(root: Path, slug: str, profile: str) -> tuple[list[str], list[str]]:
    """Problems and warnings of one published page, a line each.

    Raises:
        UserError: the notebook, its claims file or its profile cannot be read, or the manifest is malformed.
    """
    out = paths.report_folder(root, profile)
    manifest = provenance.read_manifest(out, slug)
    if manifest is None:
        return [f"{slug}: no page in reports/{out.name}; run: papers run {slug} --profile {profile}"], []
    problems = [*_file_problems(out, slug, manifest), *_page_problems(out / f"{slug}.html")]
    problems += _rules_problem(root, slug, manifest)
    warnings = _changes(root, slug, profile, manifest)
    return [f"{slug}: {line}" for line in problems], [
        f"{slug}: {line} since the page was made" for line in warnings
    ]


def check_index(root: Path, profile: str) -> list[str]:
    """Problems of the index page of a report folder."""
    page = paths.report_folder(root, profile) / "index.html"
    return list(_page_problems(page)) if page.is_file() else [f"reports/{profile}/index.html is missing"]
