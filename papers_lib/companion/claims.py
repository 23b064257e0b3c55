"""Claims files (``notebooks/claims/SLUG.yaml``): loading them, with every slip an error, and judging by them.

This is the whole public interface: ``load_claims``, ``evaluate``, ``to_markdown``, ``verdict``. The rules'
grammar is in ``claims_grammar``, their evaluation in ``claims_rules``, their wording in
``claims_text`` and ``claims_verdict``.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from papers_lib.companion.claims_grammar import Section, parse_rule
from papers_lib.companion.claims_rules import evaluate
from papers_lib.companion.claims_text import outcome_word, rule_text, to_markdown
from papers_lib.companion.claims_types import JUDGED, KINDS, PROFILES, ClaimResult, ClaimsFile, Item, Link
from papers_lib.companion.claims_verdict import check_sentence, verdict
from papers_lib.companion.yaml_files import read_yaml
from papers_lib.errors import UserError

__all__ = [
    "ClaimResult",
    "ClaimsFile",
    "evaluate",
    "load_claims",
    "outcome_word",
    "rule_text",
    "to_markdown",
    "verdict",
]

_FILE_KEYS = (
    "slug", "title", "authors", "year", "venue", "url", "bibtex", "summary", "labels", "verdict", "items",
    "thumbnail",
)  # fmt: skip
_ITEM_KEYS = (
    "id", "kind", "title", "printed", "profiles", "paper", "comparable", "figure", "rule", "untestable",
)  # fmt: skip


def load_claims(path: str | Path) -> ClaimsFile:
    """Read and check a claims file.

    Raises:
        UserError: the file is missing or no YAML, or something in it is unknown, missing, of the wrong type or
            does not fit; the line names the file, the item and the key.
    """
    path = Path(path)
    content = read_yaml(path)
    top = Section(content, path.name, _FILE_KEYS)
    if top.text("slug") != path.parent.name and path.name == "claims.yaml":
        raise top.fail("slug", f"{path.parent.name!r}, the name of the folder")
    year = top.number("year")
    if year != int(year):
        raise top.fail("year", "a whole number")
    claims = ClaimsFile(
        file=path.name,
        slug=top.text("slug"),
        title=top.text("title"),
        authors=", ".join(top.texts("authors"))
        if isinstance(top.get("authors"), list)
        else top.text("authors"),
        year=int(year),
        venue=top.text("venue"),
        url=_links(top),
        bibtex=top.text("bibtex"),
        summary=top.text("summary"),
        verdict=top.texts("verdict"),
        items=_items(top, path.name),
        labels=_labels(top),
        thumbnail=top.text("thumbnail", ""),
    )
    if claims.thumbnail and claims.thumbnail not in {i.id for i in claims.items if i.kind == "figure"}:
        raise top.fail("thumbnail", "the id of a figure of this file")
    if len(claims.verdict) > 3:
        raise UserError(f"{path.name}: verdict: found {len(claims.verdict)} sentences, expected at most 3")
    for number, sentence in enumerate(claims.verdict, start=1):
        check_sentence(sentence, claims, f"{path.name}: verdict: sentence {number}")
    return claims


def _links(top: Section) -> tuple[Link, ...]:
    if not isinstance(top.get("url"), list):
        raise top.fail("url", "a list of {text, url}")
    links = []
    for number, entry in enumerate(top.get("url"), start=1):
        section = Section(entry, f"{top.place}: url {number}", ("text", "url"))
        if not re.match(r"https?://\S+$", section.text("url")):
            raise section.fail("url", "an address that starts with https://")
        links.append(Link(section.text("text"), section.text("url")))
    return tuple(links)


def _labels(top: Section) -> dict[str, str]:
    """Words for columns, values and ``column=value`` conditions; a key that no rule uses does no harm."""
    labels = top.get("labels", {})
    texts = isinstance(labels, dict) and all(
        isinstance(text, str) for pair in labels.items() for text in pair
    )
    if not texts or not all(text.strip() for text in labels.values()):
        raise top.fail("labels", 'a mapping of texts to texts that are not empty, such as cce: "CCE"')
    return dict(labels)


def _items(top: Section, file: str) -> tuple[Item, ...]:
    entries, labels = top.get("items"), _labels(top)
    if not isinstance(entries, list) or not entries:
        raise top.fail("items", "a list of items")
    items: dict[str, Item] = {}
    for number, entry in enumerate(entries, start=1):
        item = _item(entry, file, number)
        if item.id in items:
            raise UserError(f"{file}: item {item.id}: id: found twice, expected each id once")
        items[item.id] = replace(item, rule=replace(item.rule, labels=labels)) if item.rule else item
    shown = {item.id for item in items.values() if item.kind not in JUDGED}
    for item in items.values():
        if item.figure and item.figure not in shown:
            raise UserError(
                f"{file}: item {item.id}: figure: found {item.figure!r}, expected the id of a figure or table"
            )
    return tuple(items.values())


def _item(entry: Any, file: str, number: int) -> Item:
    name = entry.get("id", number) if isinstance(entry, dict) else number
    section = Section(entry, f"{file}: item {name}", _ITEM_KEYS)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", section.text("id")):
        raise section.fail("id", "lower-case letters, digits and underscores")
    kind = section.one_of("kind", KINDS)
    text, value = "", None
    if section.has("paper"):
        paper = Section(section.get("paper"), f"{section.place}: paper", ("text", "value"))
        text = paper.text("text")
        value = paper.number("value") if paper.has("value") else None
    if kind in JUDGED and section.has("rule") == section.has("untestable"):
        raise section.fail("rule", 'either a rule, or untestable: "the reason"')
    for key in ("rule", "untestable", "figure"):
        if kind not in JUDGED and section.has(key):
            raise section.fail(key, f"none, since a {kind} is shown, not judged")
    return Item(
        id=section.text("id"),
        kind=kind,
        title=section.text("title"),
        printed=section.text("printed"),
        profiles=section.texts("profiles", PROFILES),
        paper_text=text,
        paper_value=value,
        comparable=section.flag("comparable", False),
        figure=section.text("figure", ""),
        rule=parse_rule(section.get("rule"), f"{section.place}: rule") if section.has("rule") else None,
        untestable=section.text("untestable", ""),
    )
