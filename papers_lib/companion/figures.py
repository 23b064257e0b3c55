"""The theme of every figure, and the function that saves one.

Line plots become SVG inside the page. Text and axes are drawn in ``palette.INK``, which is replaced by
``currentColor``, and each data colour by a CSS variable: one drawing fits the light and the dark theme.
Grids of images become pixels on a light card.
"""

import base64
import io
import math
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.companion.palette import INK, PALETTE
from papers_lib.errors import UserError
from papers_lib.files import write_bytes, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CARD = "#F6F5F2"  # behind images, in both themes
MAX_RASTER_BYTES = 60_000
SMALLEST = 8.0  # points: shown at 15/16 of the size or more, that is 10 pixels
PHONE = 340  # pixels of a phone's text column: a wider figure scrolls there instead of shrinking

_NUMBER = re.compile(r"(?<![#\w.])-?\d+\.\d{3,}")


def apply_theme() -> None:
    """Set matplotlib's defaults for every figure of a notebook (called by ``Page``)."""
    import seaborn as sns
    from cycler import cycler

    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color")
    settings: dict[str, Any] = {
        "figure.figsize": (5.6, 3.4),
        "savefig.bbox": "tight",
        "savefig.pad_inches": 0.05,
        "axes.prop_cycle": cycler(color=list(PALETTE.values())),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "grid.alpha": 0.18,
        "patch.edgecolor": "none",
        "hatch.color": INK,
    }
    sns.set_theme(context="notebook", style="ticks", font_scale=0.85, rc=settings | dict.fromkeys(inked, INK))


def save_figure(
    figure: Any, folder: Path, name: str, *, caption: str, alt: str, lead: str = "", raster: bool = False
) -> tuple[str, Path]:
    """Save a figure as ``folder/NAME.svg`` (or ``.png`` if ``raster``), close it, and return it as HTML.

    Args:
        figure: a matplotlib figure, or what has one (axes, a seaborn grid).
        name: id of the figure on the page: letters, digits, ``_`` and ``-``.
        caption, alt: what to see in the figure; the figure in words, for those who cannot see it.
        lead: short bold text before the caption, such as the figure's number in the paper.

    Raises:
        UserError: ``caption`` or ``alt`` is empty, ``name`` is no valid id, ``figure`` is no figure.
    """
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    for what, text in (("alt", alt), ("caption", caption)):
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"figure {name}: {what} is empty; expected a sentence on what the figure shows")
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise UserError(f"figure {name!r}: not a valid id; expected a letter, then letters, digits, _ or -")
    canvas = figure if isinstance(figure, Figure) else getattr(figure, "figure", None)
    if not isinstance(canvas, Figure):
        found = type(figure).__name__
        raise UserError(f"figure {name}: found a {found}; expected a matplotlib figure or axes")
    _make_readable(canvas)
    file = folder / f"{name}.{'png' if raster else 'svg'}"
    picture, width = (_pixels if raster else _vectors)(canvas, file, name, alt)
    plt.close(canvas)
    if (narrowest := math.ceil(width * 15 / 16)) > PHONE:
        box = 'class="scroll drawing" tabindex="0" role="region" aria-label="Figure"'
        picture = f'<div {box} style="--narrowest:{narrowest}px">{picture}</div>'
    strong = f"<strong>{escape(lead)}</strong> " if lead else ""
    below = f"<figcaption>{strong}{escape(caption)}</figcaption>"
    kind = "raster" if raster else "vector"
    return f'<figure id="{name}" class="{kind}">{picture}{below}</figure>', file


def _make_readable(figure: "Figure") -> None:
    """No text below ``SMALLEST``, transparent areas with an edge, logarithmic axes with 0.01 instead of exponents."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba_array
    from matplotlib.patches import Patch
    from matplotlib.text import Text
    from matplotlib.ticker import FuncFormatter, LogFormatterMathtext

    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if isinstance(axis.get_major_formatter(), LogFormatterMathtext):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for area in [*figure.findobj(PolyCollection), *figure.findobj(Patch)]:
        face, edge = (to_rgba_array(c) for c in (area.get_facecolor(), area.get_edgecolor()))  # type: ignore[attr-defined]
        if len(face) and 0 < face[0, 3] < 1 and not (len(edge) and edge[0, 3] == 1):
            area.set(alpha=None, facecolor=face, edgecolor=tuple(face[0, :3]), linewidth=0.7)
    for text in figure.findobj(Text):
        text.set_fontsize(max(SMALLEST, text.get_fontsize()))


def _vectors(figure: "Figure", file: Path, name: str, alt: str) -> tuple[str, float]:
    """Save an SVG; returns it for the page, and its width in pixels.

    It gets a viewBox instead of a size, coordinates to 0.01 point, the page's font and colours. The names of
    matplotlib's groups and its style sheet, which every figure has alike, are left out.
    """
    import matplotlib as mpl

    def rounded(number: re.Match[str]) -> str:
        return f"{round(float(number[0]), 2):.6g}"

    document = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    # The salt is part of the ids that matplotlib makes: no two figures of a page share one.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(document, format="svg", transparent=True, metadata=nothing)
    _, width, height, body = re.split(r'<svg[^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>', document.getvalue())
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'(?<=<g) id="[^"]*"|\s*font-family: [^;"]+;?', "", body)
    body = re.sub(r"<[^>]+>", lambda tag: _NUMBER.sub(rounded, " ".join(tag[0].split())), body)
    body = re.sub(r">\s*\n\s*<", "><", body).strip()
    body = body.replace(INK, "currentColor").replace("#333333", "currentColor")  # the second is seaborn's
    for hue in map(str.lower, PALETTE.values()):
        body = body.replace(hue, f"var(--hue-{hue[1:]},{hue})")
    pixels = float(width) * 4 / 3
    style = (
        f"display:block;width:100%;max-width:{pixels:.0f}px;height:auto;overflow:visible;"
        "font-family:inherit;stroke-linejoin:round;stroke-linecap:butt"
    )
    picture = (
        f'<svg role="img" aria-label="{escape(alt)}" viewBox="0 0 {float(width):g} {float(height):g}" style="{style}"'
        f' xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{body}'
    )
    write_text(file, picture + "\n")
    return picture, pixels


def _pixels(figure: "Figure", file: Path, name: str, alt: str) -> tuple[str, float]:
    """Save a PNG; returns it as a small WebP for the page, and its width in pixels."""
    from PIL import Image

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=200, facecolor=CARD, metadata={"Software": None})
    write_bytes(file, png.getvalue())
    image = Image.open(png).convert("RGB")
    width, height = image.width // 2, image.height // 2
    qualities = [90, 80, 65, 50]
    while True:
        small = io.BytesIO()
        image.save(small, format="WEBP", quality=qualities.pop(0), method=4)
        if small.tell() <= MAX_RASTER_BYTES:
            break
        if not qualities:  # then fewer pixels
            image, qualities = image.resize((image.width * 3 // 4, image.height * 3 // 4)), [65, 50]
    source = f"data:image/webp;base64,{base64.b64encode(small.getvalue()).decode()}"
    size = f'width="{width}" height="{height}" style="max-width:100%;height:auto"'
    return f'<img alt="{escape(alt)}" {size} src="{source}">', width
