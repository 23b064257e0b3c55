"""Markdown to HTML for the page: mathematics as MathML, headings with anchors, wide parts in boxes that scroll."""

import re
import unicodedata
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from papers_lib.errors import UserError

# A converted formula that a browser would show wrongly: an unknown command as it was typed, and letters in a style
# that MathML Core does not have.
_FLAW = re.compile(r'<m[ino][^>]*>(\\\w+)|mathvariant="(?!normal)([\w-]+)"')


@dataclass
class Contents:
    """The headings of a page, in order, each with an anchor of its own."""

    entries: list[tuple[int, str, str]] = field(default_factory=list)  # level, anchor, inner HTML
    reserved: set[str] = field(default_factory=set)  # ids of the page's figures, tables and sections

    def add(self, level: int, text: str) -> str:
        """Note a heading and return its anchor."""
        text = re.sub(r"</?a\b[^>]*>", "", text)  # the list of contents is made of links itself
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
    r"""TeX mathematics (without dollar signs) as a MathML element; ``display``: on a line of its own.

    Raises:
        UserError: the formula cannot be parsed, or has a command or style that cannot be shown.

    >>> mathml("x")
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>x</mi></mrow></math>'
    """
    source = " ".join(tex.split())
    try:
        result: str = convert(source, display="block" if display else "inline")
    except Exception as error:  # the converter raises many kinds, IndexError and KeyError among them
        raise UserError(f"formula ${source}$: cannot be parsed ({type(error).__name__})") from error
    if flaw := _FLAW.search(result):
        raise UserError(f"formula ${source}$: {flaw[1] or flaw[2]} is unknown or not shown by browsers")
    return result


class PageRenderer(IPythonRenderer):
    """The parts of Markdown that a page shows in its own way."""

    def __init__(self, contents: Contents, **options: Any) -> None:
        super().__init__(escape=False, **options)
        self.contents = contents

    def block_math(self, body: str) -> str:
        """``$$…$$`` on a line of its own, in a box that scrolls."""
        formula = mathml(body, display=True)
        return f'<span class="formula" tabindex="0" role="region" aria-label="Formula">{formula}</span>'

    def inline_math(self, body: str) -> str:
        """``$…$`` within a line."""
        return mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        """``\\begin{align}…\\end{align}`` and the like."""
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """A section heading; the page itself has the only one of the first level."""
        level = max(2, level)
        anchor = self.contents.add(level, text)
        link = f'<a class="anchor" href="#{anchor}" aria-label="Link to this section">#</a>'
        return f'<h{level} id="{anchor}">{text} {link}</h{level}>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        """A code block."""
        listing = super().block_code(code, info)
        return f'<div class="scroll listing" tabindex="0" role="region" aria-label="Code">{listing}</div>'

    def table(self, text: str) -> str:
        """A Markdown table."""
        box = '<div class="scroll" tabindex="0" role="region" aria-label="Table">'
        return f"{box}<table>\n{text}</table></div>\n"


def markdown_html(source: str, contents: Contents, attachments: Any = None) -> str:
    """Markdown of a cell or an output as HTML; its headings are added to ``contents``.

    Links that are right in ``notebooks/`` are made right for a page in ``reports/PROFILE/``.
    """
    html = MarkdownWithMath(renderer=PageRenderer(contents, attachments=attachments or {})).render(source)
    return re.sub(r'(<a\b[^>]*\bhref=")\.\./', r"\1../../", html)
