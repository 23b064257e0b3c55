"""Markdown cells to HTML, with TeX mathematics as MathML and named sections."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring
from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from papers_lib.errors import UserError

# Children that a MathML element must have; latex2mathml writes fewer when an argument is missing.
_ARITY = {
    "mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "mroot": 2, "msubsup": 3, "munderover": 3,
}  # fmt: skip
_STYLED = re.compile(r'<(m[ion]) mathvariant="(bold|bold-italic|double-struck)">([^<]*)</m[ion]>')


@dataclass
class Contents:
    """The headings of a page, in order, each with an anchor that no other has."""

    entries: list[tuple[int, str, str]] = field(default_factory=list)
    """(level, anchor, inner HTML)"""
    reserved: set[str] = field(default_factory=set)
    """Ids that other elements of the page have, such as its figures and tables."""

    def add(self, level: int, text: str) -> str:
        """Note a heading and return its anchor."""
        text = re.sub(r"</?a\b[^>]*>", "", text)  # the contents list is made of links itself
        plain = unescape(re.sub(r"<math.*?</math>|<[^>]+>", "", text, flags=re.DOTALL))
        plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode().lower()
        base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"
        taken = self.reserved | {anchor for _, anchor, _ in self.entries}
        anchor, number = base, 2
        while anchor in taken:
            anchor, number = f"{base}-{number}", number + 1
        self.entries.append((level, anchor, text))
        return anchor


def mathml(tex: str, display: bool = False) -> str:
    r"""TeX mathematics as a MathML element.

    Args:
        tex: source without dollar signs.
        display: on a line of its own.

    Raises:
        UserError: the formula cannot be parsed, or has a command that the converter does not know.

    >>> mathml("x")
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>x</mi></mrow></math>'
    """
    source = " ".join(tex.split())
    result = ""
    try:
        result = _STYLED.sub(_styled, convert(source, display="block" if display else "inline"))
        reason = _flaw(fromstring(result))
    except Exception as error:  # the converter raises many kinds, IndexError and KeyError among them
        reason = type(error).__name__
    if reason:
        raise UserError(f"formula ${source}$: cannot be turned into MathML ({reason})")
    return result


def _styled(match: re.Match[str]) -> str:
    """Bold and double-struck letters as characters: browsers follow MathML Core, which has no such attribute.

    >>> _STYLED.sub(_styled, '<mi mathvariant="double-struck">E</mi>')
    '<mi>𝔼</mi>'
    """
    tag, style, text = match.groups()
    letters = []
    for letter in unescape(text):
        name = unicodedata.name(letter, "").replace("LATIN ", "").replace("GREEK ", "").replace("LETTER ", "")
        letters.append(letter)
        for prefix in (f"MATHEMATICAL {style.replace('-it', ' it').upper()}", style.upper()):
            try:
                letters[-1] = unicodedata.lookup(f"{prefix} {name}")
                break
            except (
                KeyError
            ):  # the few letters that Unicode had before (ℝ, ℕ) have no MATHEMATICAL in their name
                continue
    return f"<{tag}>{escape(''.join(letters))}</{tag}>"


def _flaw(root: Element) -> str:
    """What is wrong with a converted formula; empty when nothing is."""
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        if name in _ARITY and len(element) != _ARITY[name]:
            return f"an argument of {name} is missing"
        if (
            name in {"mi", "mo", "mn"}
            and (element.text or "").startswith("\\")
            and len(element.text or "") > 1
        ):
            return f"unknown command {element.text}"
    return ""


class PageRenderer(IPythonRenderer):
    """Markdown to HTML: mathematics as MathML, headings with anchors, tables in a box that scrolls."""

    def __init__(self, contents: Contents, **options: Any) -> None:
        super().__init__(escape=False, **options)
        self.contents = contents

    def block_math(self, body: str) -> str:
        """``$$…$$`` on a line of its own, in a box that scrolls where the formula is wider than the page."""
        formula = mathml(body, display=True)
        return f'<span class="formula" tabindex="0" role="region" aria-label="Formula">{formula}</span>'

    def inline_math(self, body: str) -> str:
        """``$…$`` within a line."""
        return mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        """``\\begin{align}…\\end{align}`` and the like."""
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """A section heading; the page itself has the only first-level one."""
        level = max(2, level)
        anchor = self.contents.add(level, text)
        link = f'<a class="anchor" href="#{anchor}" aria-label="Link to this section">#</a>'
        return f'<h{level} id="{anchor}">{text} {link}</h{level}>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        """A code block, in a box that scrolls."""
        listing = super().block_code(code, info)
        return f'<div class="scroll listing" tabindex="0" role="region" aria-label="Code">{listing}</div>'

    def table(self, text: str) -> str:
        """A Markdown table, in a box that scrolls."""
        box = '<div class="scroll" tabindex="0" role="region" aria-label="Table">'
        return f"{box}<table>\n{text}</table></div>\n"


def markdown_html(source: str, contents: Contents, **options: Any) -> str:
    """A Markdown cell as HTML; its headings are added to ``contents``."""
    return MarkdownWithMath(renderer=PageRenderer(contents, **options)).render(source)


def contents_tree(contents: Contents) -> Iterator[dict[str, Any]]:
    """The second-level headings, each with the third-level ones below it."""
    section: dict[str, Any] | None = None
    for level, anchor, text in contents.entries:
        if level == 2:
            if section is not None:
                yield section
            section = {"anchor": anchor, "text": text, "sections": []}
        elif level == 3 and section is not None:
            section["sections"].append({"anchor": anchor, "text": text})
    if section is not None:
        yield section
