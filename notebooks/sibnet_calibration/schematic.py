"""Rows of boxes and arrows between them: what the schematics of the Sibnet page are drawn with.

All lengths are inches, so that a text's size and its box's stay in proportion; rows grow with their texts.
"""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, NamedTuple

from papers_lib.companion.palette import INK, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = 8.5  # of the text in points
WIDTH = 4.9  # of a drawing: its text is still read where a phone shrinks it
LINE, LETTER = 0.142, 0.071  # of a line of text and of a letter
PAD, GAP = 0.13, 0.24  # around the text of a box, and between rows
COLOURS = {
    "idle": PALETTE["reference"],
    "network": PALETTE["third variant"],
    "maps": PALETTE["variant"],
    "logits": PALETTE["second variant"],
    "loss": PALETTE["proposed"],
}


class Box(NamedTuple):
    """Text, kind (a key of ``COLOURS``, or "" for bold words without a box), and (centre, width)."""

    text: str
    kind: str
    place: tuple[float, float]


class Frame(NamedTuple):
    """Edges of a box that was drawn."""

    left: float
    low: float
    right: float
    high: float


Row = Mapping[str, Box]
"""Boxes beside each other, by name."""
Arrow = tuple[str, str]
"""Names of the boxes from and to which it goes."""


def drawn(rows: Sequence[Row], arrows: Sequence[Arrow]) -> "Figure":
    """Rows from top to bottom, each as tall as its longest text.

    An arrow between boxes of a row is level, between boxes above each other upright; another leaves at the side and
    enters from above. Raises: KeyError for an arrow from or to a name that no row has.
    """
    import matplotlib.pyplot as plt

    texts = [{name: wrapped(box.text, box.place[1]) for name, box in row.items()} for row in rows]
    tall = [LINE * max(text.count("\n") + 1 for text in row.values()) + PAD for row in texts]
    height = sum(tall) + GAP * (len(rows) + 1)
    figure = plt.figure(figsize=(WIDTH, height))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, WIDTH), ylim=(0, height))
    axis.set_axis_off()
    frames: dict[str, Frame] = {}
    top = height - GAP
    for row, words, high in zip(rows, texts, tall, strict=True):
        for name, box in row.items():
            centre, wide = box.place
            frames[name] = Frame(centre - wide / 2, top - high, centre + wide / 2, top)
            _box(axis, frames[name], words[name], box.kind)
        top -= high + GAP
    for start, end in arrows:
        _arrow(axis, frames[start], frames[end])
    return figure


def wrapped(text: str, wide: float) -> str:
    """Text in lines that a box of that width has room for; line breaks in it stay.

    >>> wrapped("one network\\nagain and again", 0.9)
    'one network\\nagain and\\nagain'
    """
    letters = max(1, int((wide - 0.1) / LETTER))
    return "\n".join(fill(line, letters, break_long_words=False) for line in text.split("\n"))


def _box(axis: "Axes", frame: Frame, text: str, kind: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = (frame.left + frame.right) / 2, (frame.low + frame.high) / 2
    if kind:
        shape = FancyBboxPatch(
            (frame.left, frame.low),
            frame.right - frame.left,
            frame.high - frame.low,
            boxstyle="round,pad=0,rounding_size=0.05",
            fc=f"{COLOURS[kind]}38",
            ec=COLOURS[kind],
            lw=1.3,
        )
        axis.add_patch(shape)
    weight = "normal" if kind else "bold"
    axis.text(x, y, text, fontsize=SIZE, ha="center", va="center", linespacing=1.15, fontweight=weight)


def _arrow(axis: "Axes", a: Frame, b: Frame) -> None:
    shared = (max(a.left, b.left), min(a.right, b.right))
    bend = "arc3"
    if abs(a.low - b.low) < 1e-9:
        y = (a.low + a.high) / 2
        ends = ((a.right, y), (b.left, y)) if a.left < b.left else ((a.left, y), (b.right, y))
    elif shared[0] < shared[1]:
        x = sum(shared) / 2
        ends = ((x, a.low), (x, b.high))
    else:
        side = a.right if b.left > a.right else a.left
        ends = ((side, (a.low + a.high) / 2), ((b.left + b.right) / 2, b.high))
        bend = "angle,angleA=0,angleB=90,rad=4"
    style = {"arrowstyle": "-|>", "color": INK, "lw": 1.0, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
    axis.annotate("", ends[1], ends[0], arrowprops={**style, "connectionstyle": bend})
