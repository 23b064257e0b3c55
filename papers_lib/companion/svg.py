"""Matplotlib's SVG made fit for an HTML page: small, scalable, named, and coloured by the page.

Matplotlib writes one document a figure. Several of them in one HTML page would share ids and a global style
sheet, print their text in black on a dark page, and carry six decimals a coordinate. This module rewrites
the text of such a document; nothing here draws.
"""

import math
import re
from collections.abc import Iterable
from html import escape

from papers_lib.companion.palette import INK

PHONE = 340
"""Width of a phone's text column in CSS pixels; a wider figure scrolls there instead of shrinking."""

SHRINKS = 15 / 16
"""How far a figure shrinks below its own size, before it scrolls: text of 8 points to 7.5, which is 10 pixels."""

_DRAWING = re.compile(
    r'(<figure\b[^>]*\bclass="vector"[^>]*>)(<svg\b[^>]*\bviewBox="0 0 ([\d.]+) [^>]*>.*?</svg>)', re.DOTALL
)
_PICTURE = re.compile(r'(<figure\b[^>]*\bclass="raster"[^>]*>)(<img\b[^>]*\bwidth="(\d+)"[^>]*>)')
_TAG = re.compile(r"<[^>]+>")
_NUMBER = re.compile(r"(?<![#\w.])-?\d+\.\d+")
_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^")]+)')


def inline_svg(document: str, name: str, alt: str, hues: Iterable[str] = ()) -> str:
    """The ``<svg>`` element of a matplotlib document, ready to stand in an HTML page.

    Args:
        document: text that ``Figure.savefig(format="svg")`` wrote with ``svg.fonttype: none``.
        name: unique name of the figure on its page; every id starts with it.
        alt: what the figure shows; becomes the accessible name.
        hues: data colours (``#0072B2``) that the page may lighten on dark: ``var(--hue-0072b2, #0072b2)``.

    Returns:
        One element with a viewBox and no fixed size, ids prefixed by ``name``, coordinates to two
        decimals (0.01 point), the theme's ink as ``currentColor``, the page's font.

    Raises:
        ValueError: ``document`` holds no svg element with a viewBox.

    >>> plain = '<svg width="9pt" viewBox="0 0 72 36"><g id="a"><path d="M 0.123456 1" id="p"/></g></svg>'
    >>> inline_svg(plain, "fig1", "A line").split(">", 1)[1]
    '<g><path d="M 0.12 1"/></g></svg>'
    """
    start = document.find("<svg")
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', document)
    if start < 0 or box is None:
        raise ValueError("not an SVG document of matplotlib: no <svg> element with a viewBox")
    body = document[start:]
    body = body[body.index(">") + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", body, flags=re.DOTALL)
    body = _TAG.sub(lambda tag: _NUMBER.sub(_two_decimals, " ".join(tag[0].split())), body)
    body = re.sub(r"\s*font-family: [^;\"]+;?", "", body)
    body = re.sub(r" transform=\"rotate\(-?0 [^\"]*\)\"", "", body)
    body = re.sub(r">\s*\n\s*<", "><", body).strip().replace("<defs></defs>", "")
    for hue in map(str.lower, hues):
        body = body.replace(hue, f"var(--hue-{hue[1:]},{hue})")
    body = _rename_ids(body.replace(INK, "currentColor"), name)
    width, height = float(box[1]), float(box[2])
    style = (
        f"display:block;width:100%;max-width:{width * 4 / 3:.0f}px;height:auto;overflow:visible;"
        "font-family:inherit;stroke-linejoin:round;stroke-linecap:butt"
    )
    head = (
        f'<svg role="img" aria-label="{escape(alt)}" viewBox="0 0 {width:g} {height:g}" style="{style}"'
        ' xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return head + body


def scrolling(html: str) -> str:
    """Put each figure that is too wide for a phone into a box that scrolls, so that its text stays readable.

    A unit of a drawing's viewBox is a point, 4/3 pixels; an image says its width in pixels.

    >>> scrolling('<figure class="vector"><svg viewBox="0 0 692.4 260"></svg></figure>').split(">")[1]
    '<div class="scroll drawing" tabindex="0" role="region" aria-label="Figure" style="--narrowest:866px"'
    """

    def boxed(match: re.Match[str]) -> str:
        figure, drawing, width = match.groups()
        narrowest = math.ceil(float(width) * SHRINKS * (4 / 3 if drawing.startswith("<svg") else 1))
        if narrowest <= PHONE:
            return match[0]
        return (
            f'{figure}<div class="scroll drawing" tabindex="0" role="region" aria-label="Figure" '
            f'style="--narrowest:{narrowest}px">{drawing}</div>'
        )

    return _PICTURE.sub(boxed, _DRAWING.sub(boxed, html))


def _two_decimals(number: re.Match[str]) -> str:
    rounded = f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if rounded in {"-0", ""} else rounded


def _rename_ids(body: str, name: str) -> str:
    """Drop the ids that nothing refers to and number the others ``name-1``, ``name-2``, …"""
    used = list(dict.fromkeys(_REFERENCE.findall(body)))
    new = {old: f"{name}-{number}" for number, old in enumerate(used, start=1)}
    body = re.sub(
        r'\s*\bid="([^"]+)"', lambda match: f' id="{new[match[1]]}"' if match[1] in new else "", body
    )
    return _REFERENCE.sub(lambda match: match[0].replace(match[1], new[match[1]]), body)
