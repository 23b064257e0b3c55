"""The theme of every figure, and the function that saves one for the page.

In an SVG ``INK`` becomes ``currentColor`` and each data colour a CSS variable, so that one drawing fits the light and
the dark theme. Grids of images become pixels on a light card.
"""

import base64
import io
import math
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from markupsafe import escape
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogFormatterMathtext
from PIL import Image

from papers_lib.errors import UserError
from papers_lib.files import write_bytes, write_text
from papers_lib.plots import INK, PALETTE

CARD = "#F6F5F2"  # behind images, in both themes
MAX_RASTER_BYTES = 60_000
SMALLEST = 8.0  # points: shown at 15/16 of the size or more, that is 10 pixels
PHONE = 340  # pixels of a phone's text column: a wider figure scrolls there instead of shrinking

_INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color")
_SETTINGS: dict[str, Any] = {
    "figure.figsize": (5.6, 3.4),
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.05,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "lines.linewidth": 1.6,
    "grid.alpha": 0.18,
    "patch.edgecolor": "none",
    "hatch.color": INK,
    **dict.fromkeys(_INKED, INK),
}


def apply_theme() -> None:
    """Set matplotlib's defaults for every figure of a notebook (called by ``Page``)."""
    sns.set_theme("notebook", "ticks", list(PALETTE.values()), font_scale=0.85, rc=_SETTINGS)


def save_figure(
    figure: Any, folder: Path, name: str, *, caption: str, alt: str, raster: bool = False
) -> tuple[str, Path]:
    """Save a figure (or axes, or a seaborn grid) as SVG or PNG, close it, and return it as HTML with its file."""
    canvas = getattr(figure, "figure", None)
    if not isinstance(canvas, Figure):
        found = f"figure {name}: found a {type(figure).__name__}"
        raise UserError(f"{found}; expected a matplotlib figure or axes")
    _make_readable(canvas)
    file = folder / f"{name}.{'png' if raster else 'svg'}"
    picture, width = (_pixels if raster else _vectors)(canvas, file, str(escape(alt)))
    plt.close(canvas)
    if (narrowest := math.ceil(width * 15 / 16)) > PHONE:
        box = 'class="scroll drawing" tabindex="0" role="region" aria-label="Figure"'
        picture = f'<div {box} style="--narrowest:{narrowest}px">{picture}</div>'
    return f'<figure id="{name}">{picture}<figcaption>{escape(caption)}</figcaption></figure>', file


def _make_readable(figure: Figure) -> None:
    """No text below ``SMALLEST``, transparent areas with an edge, logarithmic axes with 0.01 instead of exponents."""
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if isinstance(axis.get_major_formatter(), LogFormatterMathtext):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for area in [*figure.findobj(PolyCollection), *figure.findobj(Patch)]:
        face, edge = (to_rgba_array(c) for c in (area.get_facecolor(), area.get_edgecolor()))  # type: ignore[attr-defined]
        if len(face) and 0 < face[0, 3] < 1 and not (len(edge) and edge[0, 3] == 1):
            area.set(alpha=None, facecolor=face, edgecolor=tuple(face[0, :3]), linewidth=0.7)
    for text in figure.findobj(Text):
        text.set_fontsize(max(SMALLEST, text.get_fontsize()))


def _vectors(figure: Figure, file: Path, alt: str) -> tuple[str, float]:
    """Save an SVG with a viewBox, the page's font and colours and no ballast; returns it, and its width in pixels."""
    document = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    # The salt is part of the ids that matplotlib makes: no two figures of a page share one.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": file.stem}):
        figure.savefig(document, format="svg", transparent=True, metadata=nothing)
    _, width, height, body = re.split(r'<svg[^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>', document.getvalue())
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'(?<=<g) id="[^"]*"|\s*font-family: [^;"]+;?', "", body)
    body = re.sub(r"<[^>]+>", _rounded, body)
    body = re.sub(r">\s*\n\s*<", "><", body).strip()
    body = body.replace(INK, "currentColor").replace("#333333", "currentColor")  # the second is seaborn's
    for hue in map(str.lower, PALETTE.values()):
        body = body.replace(hue, f"var(--hue-{hue[1:]},{hue})")
    pixels = float(width) * 4 / 3
    style = f"width:100%;max-width:{pixels:.0f}px;height:auto;overflow:visible;font-family:inherit"
    box = f'viewBox="0 0 {float(width):g} {float(height):g}" style="display:block;{style};stroke-linejoin:round"'
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    picture = f'<svg role="img" aria-label="{alt}" {box} {spaces}>{body}'
    write_text(file, picture + "\n")
    return picture, pixels


def _rounded(tag: re.Match[str]) -> str:
    """A tag on one line, its coordinates to 0.01."""
    line = " ".join(tag[0].split())
    return re.sub(r"(?<![#\w.])-?\d+\.\d{3,}", lambda number: f"{round(float(number[0]), 2):.6g}", line)


def _pixels(figure: Figure, file: Path, alt: str) -> tuple[str, float]:
    """Save a PNG; returns it as a small WebP for the page, and its width in pixels."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=200, facecolor=CARD, metadata={"Software": None})
    write_bytes(file, png.getvalue())
    image = Image.open(png).convert("RGB")
    for quality, share in ((90, 1), (80, 1), (65, 1), (50, 1), (50, 0.7), (50, 0.5), (50, 0.2)):
        small = io.BytesIO()
        resized = image.resize((round(image.width * share), round(image.height * share)))
        resized.save(small, format="WEBP", quality=quality, method=4)
        if small.tell() <= MAX_RASTER_BYTES:
            break
    source = f"data:image/webp;base64,{base64.b64encode(small.getvalue()).decode()}"
    size = f'width="{image.width // 2}" height="{image.height // 2}" style="max-width:100%;height:auto"'
    return f'<img alt="{alt}" {size} src="{source}">', image.width // 2
