"""The one figure theme and the one figure saver of the companion.

Line plots become SVG inside the page: text and axes take the page's own colour, so that a figure reads on a
light and on a dark background. Map grids become raster images on a neutral card.
"""

import base64
import io
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.companion.palette import INK, PALETTE
from papers_lib.companion.svg import inline_svg
from papers_lib.errors import UserError
from papers_lib.files import write_bytes, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CARD = "#F6F5F2"
"""Background of raster figures in both themes."""

MAX_RASTER_BYTES = 60_000

SMALLEST = 8.0
"""Points of the smallest text: never shown smaller than 7.5 points, since ``svg.scrolling`` keeps 15/16 of the size."""

_INKED = (
    "text.color",
    "axes.edgecolor",
    "axes.labelcolor",
    "xtick.color",
    "ytick.color",
    "grid.color",
)


@dataclass(frozen=True)
class SavedFigure:
    """What the saver hands back: the ``<figure>`` element and the file beside the page."""

    html: str
    file: Path


def apply_theme() -> None:
    """Set matplotlib's defaults for every figure of a notebook (called by ``Page``)."""
    import matplotlib as mpl
    import seaborn as sns
    from cycler import cycler

    settings: Any = {
        "figure.figsize": (5.6, 3.4),
        "figure.dpi": 110,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "savefig.bbox": "tight",
        "savefig.pad_inches": 0.05,
        "svg.fonttype": "none",
        "svg.hashsalt": "papers",
        "axes.prop_cycle": cycler(color=list(PALETTE.values())),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 10.5,
        "axes.labelsize": 10,
        "axes.linewidth": 0.8,
        "xtick.labelsize": 9.5,
        "ytick.labelsize": 9.5,
        "legend.fontsize": 9.5,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "grid.alpha": 0.18,
        "patch.edgecolor": "none",
        "hatch.color": INK,
    }
    sns.set_theme(context="notebook", style="ticks", font_scale=0.85)
    mpl.rcParams.update(settings | dict.fromkeys(_INKED, INK))


def save_figure(
    figure: Any, folder: Path, name: str, *, caption: str, alt: str, lead: str = "", raster: bool = False
) -> SavedFigure:
    """Save a figure as ``folder/NAME.svg`` (or ``.png``), close it, and return it as an HTML element.

    Args:
        figure: a matplotlib Figure, or anything with a ``figure`` attribute (Axes, a seaborn grid).
        folder: where the file goes.
        name: id of the figure on the page: letters, digits, ``_`` and ``-``.
        caption: what to see in the figure.
        alt: the figure in words, for those who cannot see it.
        lead: short bold text before the caption, such as the figure's number in the paper.
        raster: save pixels instead of vectors; for grids of images.

    Raises:
        UserError: ``caption`` or ``alt`` is empty, ``name`` is no valid id, ``figure`` is no figure.
    """
    for what, text in (("alt", alt), ("caption", caption)):
        if not isinstance(text, str) or not text.strip():
            raise UserError(
                f"figure {name}: {what} is empty; expected a sentence saying what the figure shows"
            )
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise UserError(f"figure {name!r}: not a valid id; expected a letter, then letters, digits, _ or -")
    canvas = _matplotlib_figure(figure, name)
    _make_readable(canvas)
    picture, file = (_save_png if raster else _save_svg)(canvas, folder, name, alt)
    _close(canvas)
    kind = "raster" if raster else "vector"
    strong = f"<strong>{escape(lead)}</strong> " if lead else ""
    below = f"<figcaption>{strong}{escape(caption)}</figcaption>"
    html = f'<figure id="{name}" class="{kind}">{picture}{below}</figure>'
    return SavedFigure(html, file)


def _matplotlib_figure(figure: Any, name: str) -> "Figure":
    from matplotlib.figure import Figure

    found = figure if isinstance(figure, Figure) else getattr(figure, "figure", None)
    if not isinstance(found, Figure):
        raise UserError(
            f"figure {name}: found a {type(figure).__name__}; expected a matplotlib figure or axes"
        )
    return found


def _make_readable(figure: "Figure") -> None:
    """Enlarge text below ``SMALLEST``, and give transparent areas an edge of their full colour.

    Logarithmic axes are labelled 0.01, 0.1, 1: exponents are set smaller than the text.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba_array
    from matplotlib.patches import Patch
    from matplotlib.text import Text
    from matplotlib.ticker import FuncFormatter, LogFormatterMathtext

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatterMathtext):
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for area in [*figure.findobj(PolyCollection), *figure.findobj(Patch)]:
        face, edge = (to_rgba_array(c) for c in (area.get_facecolor(), area.get_edgecolor()))  # type: ignore[attr-defined]
        if len(face) and 0 < face[0, 3] < 1 and not (len(edge) and edge[0, 3] == 1):
            area.set(alpha=None, facecolor=face, edgecolor=tuple(face[0, :3]), linewidth=0.7)
    for text in figure.findobj(Text):
        text.set_fontsize(max(SMALLEST, text.get_fontsize()))


def _close(figure: "Figure") -> None:
    import matplotlib.pyplot as plt

    plt.close(figure)


def _save_svg(figure: "Figure", folder: Path, name: str, alt: str) -> tuple[str, Path]:
    import matplotlib as mpl

    document = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "papers"}):
        figure.savefig(document, format="svg", transparent=True, metadata={"Date": None})
    drawn = document.getvalue().replace("#333333", INK)  # seaborn's own grey, of a legend of sizes
    picture = inline_svg(drawn, name, alt, PALETTE.values())
    return picture, write_text(folder / f"{name}.svg", picture + "\n")


def _save_png(figure: "Figure", folder: Path, name: str, alt: str) -> tuple[str, Path]:
    from PIL import Image

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=200, facecolor=CARD, metadata={"Software": None})
    image = Image.open(png).convert("RGB")
    data = base64.b64encode(_small_webp(image)).decode()
    picture = (
        f'<img alt="{escape(alt)}" width="{image.width // 2}" height="{image.height // 2}" '
        f'style="max-width:100%;height:auto" src="data:image/webp;base64,{data}">'
    )
    return picture, write_bytes(folder / f"{name}.png", png.getvalue())


def _small_webp(image: Any, limit: int = MAX_RASTER_BYTES) -> bytes:
    """The image as WebP of at most ``limit`` bytes: lower quality first, then fewer pixels."""
    while True:
        for quality in (90, 80, 65, 50):
            buffer = io.BytesIO()
            image.save(buffer, format="WEBP", quality=quality, method=4)
            if buffer.tell() <= limit:
                return buffer.getvalue()
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))
