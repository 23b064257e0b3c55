"""Markdown to HTML for the page: mathematics as MathML, wide parts in boxes that scroll, headings with anchors."""

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from papers_lib.errors import UserError

# What a browser would show wrongly: an unknown command as it was typed, a style that MathML Core does not have.
_FLAW = re.compile(r'<m[ino][^>]*>(\\\w+)|mathvariant="(?!normal)([\w-]+)"')


def scroll_box(content: str, label: str, kind: str = "scroll") -> str:
    """What may be wider than a phone, in a box that a keyboard can scroll."""
    return f'<div class="{kind}" tabindex="0" role="region" aria-label="{label}">{content}</div>\n'


class _PageRenderer(IPythonRenderer):
    def inline_math(self, body: str, display: str = "inline") -> str:
        """TeX as MathML; what cannot be parsed or shown is a UserError."""
        source = " ".join(body.split())
        try:
            result: str = convert(source, display=display)
        except Exception as error:  # the converter raises many kinds, IndexError and KeyError among them
            raise UserError(f"formula ${source}$: cannot be parsed ({type(error).__name__})") from error
        if flaw := _FLAW.search(result):
            raise UserError(f"formula ${source}$: {flaw[1] or flaw[2]} is unknown or not shown by browsers")
        return result

    def block_math(self, body: str) -> str:
        formula = self.inline_math(body, "block")
        return f'<span class="formula" tabindex="0" role="region" aria-label="Formula">{formula}</span>'

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        level = max(2, level)  # the page itself has the only heading of the first level
        return f"<h{level}>{text}</h{level}>\n"

    def block_code(self, code: str, info: str | None = None) -> str:
        return scroll_box(super().block_code(code, info), "Code", "scroll listing")

    def table(self, text: str) -> str:
        return scroll_box(f"<table>\n{text}</table>", "Table")


def markdown_html(source: str, attachments: Any = None) -> str:
    """Markdown of a cell as HTML; links that are right in ``notebooks/`` are made right in ``reports/PROFILE/``."""
    renderer = _PageRenderer(escape=False, attachments=attachments or {})
    html = MarkdownWithMath(renderer=renderer).render(source)
    return re.sub(r'(<a\b[^>]*\bhref=")\.\./', r"\1../../", html)


def with_contents(html: str) -> str:
    """A page whose sections have an id and a link to themselves each, and stand in its list of contents."""
    taken, contents = set(re.findall(r'\sid="([^"]+)"', html)), []

    def linked(heading: re.Match[str]) -> str:
        level, anchor, title = heading.groups()
        if not anchor:
            plain = unescape(re.sub(r"<math.*?</math>|<[^>]+>", "", title, flags=re.DOTALL)).lower()
            base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"
            anchor = next(a for a in (base, *(f"{base}-{n}" for n in range(2, 99))) if a not in taken)
            taken.add(anchor)
        if level in "23":
            short = re.sub(r"</?a\b[^>]*>", "", title)
            contents.append(f'<li class="level-{level}"><a href="#{anchor}">{short}</a></li>')
        link = f'<a class="anchor" href="#{anchor}" aria-label="Link to this section">#</a>'
        return f'<h{level} id="{anchor}">{title} {link}</h{level}>'

    html = re.sub(r'<h([2-4])(?: id="([\w-]+)")?>(.*?)</h\1>', linked, html, flags=re.DOTALL)
    return html.replace("<!-- contents -->", "".join(contents))
