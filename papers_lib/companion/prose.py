"""Markdown to HTML for the page: mathematics as MathML, headings with anchors, wide parts in boxes that scroll."""

import re
import unicodedata
from html import unescape
from typing import Any

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from papers_lib.errors import UserError

# A converted formula that a browser would show wrongly: an unknown command as it was typed, and letters in a style
# that MathML Core does not have.
_FLAW = re.compile(r'<m[ino][^>]*>(\\\w+)|mathvariant="(?!normal)([\w-]+)"')


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
    """Mathematics as MathML, headings with anchors, and boxes that scroll around formulas, code and tables."""

    def __init__(self, taken: set[str], **options: Any) -> None:
        super().__init__(escape=False, **options)
        self.taken = taken

    def block_math(self, body: str) -> str:
        formula = mathml(body, display=True)
        return f'<span class="formula" tabindex="0" role="region" aria-label="Formula">{formula}</span>'

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """A section heading with an anchor of its own; the page itself has the only one of the first level."""
        level = max(2, level)
        plain = unescape(re.sub(r"<math.*?</math>|<[^>]+>", "", text, flags=re.DOTALL))
        plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode().lower()
        anchor = base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"
        number = 2
        while anchor in self.taken:
            anchor, number = f"{base}-{number}", number + 1
        self.taken.add(anchor)
        link = f'<a class="anchor" href="#{anchor}" aria-label="Link to this section">#</a>'
        return f'<h{level} id="{anchor}">{text} {link}</h{level}>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        listing = super().block_code(code, info)
        return f'<div class="scroll listing" tabindex="0" role="region" aria-label="Code">{listing}</div>'

    def table(self, text: str) -> str:
        box = '<div class="scroll" tabindex="0" role="region" aria-label="Table">'
        return f"{box}<table>\n{text}</table></div>\n"


def markdown_html(source: str, taken: set[str], attachments: Any = None) -> str:
    """Markdown of a cell or an output as HTML; the anchors of its headings are added to ``taken``.

    Links that are right in ``notebooks/`` are made right for a page in ``reports/PROFILE/``.
    """
    html = MarkdownWithMath(renderer=PageRenderer(taken, attachments=attachments or {})).render(source)
    return re.sub(r'(<a\b[^>]*\bhref=")\.\./', r"\1../../", html)
