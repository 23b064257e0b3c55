"""Rows of boxes and their arrows: where they come to lie."""

import matplotlib.pyplot as plt
import pytest

from sibnet_calibration.schematic import COLOURS, GAP, SIZE, WIDTH, Box, drawn, wrapped

ROWS = [
    {"left": Box("left", "idle", (1.0, 1.2)), "right": Box("a text of\ntwo lines", "maps", (3.5, 1.2))},
    {"words": Box("words", "", (WIDTH / 2, 4.8))},
    {"wide": Box("wide", "loss", (WIDTH / 2, 4.8))},
    {"below": Box("below", "logits", (2.2, 0.8))},
]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def boxes(figure):
    return [(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in figure.axes[0].patches[:4]]


def arrows(figure):
    return [(text.xyann, text.xy) for text in figure.axes[0].texts if hasattr(text, "xyann")]


def test_a_row_is_as_tall_as_its_longest_text_and_rows_are_apart():
    left, right, wide, below = boxes(drawn(ROWS, []))
    assert left[1] == right[1]
    assert left[3] == right[3] > wide[3] == below[3]
    assert wide[1] - (below[1] + below[3]) == pytest.approx(GAP)
    assert below[1] == pytest.approx(GAP)
    assert left[0] == pytest.approx(0.4)


def test_units_are_inches():
    figure = drawn(ROWS, [])
    (axis,) = figure.axes
    assert list(figure.get_size_inches()) == pytest.approx([axis.get_xlim()[1], axis.get_ylim()[1]])
    assert axis.get_position().bounds == (0, 0, 1, 1)
    assert SIZE >= 8


def test_arrows_are_level_upright_or_bent():
    figure = drawn(
        ROWS, [("left", "right"), ("right", "left"), ("left", "wide"), ("wide", "below"), ("right", "below")]
    )
    left, _, wide, below = boxes(figure)
    level, back, down, on, bent = arrows(figure)
    middle = left[1] + left[3] / 2
    assert level == ((1.6, pytest.approx(middle)), (pytest.approx(2.9), pytest.approx(middle)))
    assert back[0][0] == pytest.approx(2.9)
    assert back[1][0] == pytest.approx(1.6)
    assert down == ((pytest.approx(1.0), left[1]), (pytest.approx(1.0), pytest.approx(wide[1] + wide[3])))
    assert on[0] == (pytest.approx(2.2), wide[1])
    assert bent == (
        (pytest.approx(2.9), pytest.approx(middle)),
        (pytest.approx(2.2), pytest.approx(below[1] + below[3])),
    )


def test_words_have_no_box_and_a_kind_has_its_colour():
    from matplotlib.colors import to_hex

    figure = drawn(ROWS, [])
    assert [to_hex(patch.get_edgecolor()) for patch in figure.axes[0].patches] == [
        COLOURS[kind].lower() for kind in ("idle", "maps", "loss", "logits")
    ]
    assert [t.get_fontweight() for t in figure.axes[0].texts if t.get_text() == "words"] == ["bold"]


def test_lines_are_wrapped_to_the_box_and_long_words_stay_whole():
    assert wrapped("aaaa bbbb\ncc", 0.1 + 0.071 * 4.5) == "aaaa\nbbbb\ncc"
    assert wrapped("efficientnet_lite0", 0.5) == "efficientnet_lite0"


def test_an_arrow_to_nowhere_is_an_error():
    with pytest.raises(KeyError, match="nowhere"):
        drawn(ROWS, [("left", "nowhere")])
