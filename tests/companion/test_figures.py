"""The figure saver: alt text, deterministic bytes, both themes, size."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from papers_lib.companion import figures
from papers_lib.errors import UserError

mpl.use("agg")

import matplotlib.pyplot as plt


def line():
    figures.apply_theme()
    figure, axis = plt.subplots()
    axis.plot([0, 1, 2], [0.1, 0.3, 0.2], "o-")
    axis.set_xlabel("epoch")
    return figure


def test_svg_is_one_wellformed_named_element_and_the_figure_is_closed(tmp_path):
    figure = line()
    saved = figures.save_figure(
        figure, tmp_path, "fig6", caption="A < B", alt="Three points", lead="Heat (Figure 6)."
    )
    assert not plt.fignum_exists(figure.number)
    assert saved.file == tmp_path / "fig6.svg"
    root = ElementTree.fromstring(saved.file.read_text())
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == "Three points"
    assert "width" not in root.attrib
    assert saved.html.startswith('<figure id="fig6" class="vector">')
    assert saved.html.endswith("<figcaption><strong>Heat (Figure 6).</strong> A &lt; B</figcaption></figure>")
    assert figures.INK not in saved.html
    assert ">epoch</text>" in saved.html


def test_same_figure_same_bytes(tmp_path):
    for raster in (False, True):
        saved = [
            figures.save_figure(line(), tmp_path / str(i), "a", caption="c", alt="d", raster=raster)
            for i in (0, 1)
        ]
        assert saved[0].html == saved[1].html
        assert saved[0].file.read_bytes() == saved[1].file.read_bytes()


def test_a_large_raster_stays_under_the_limit(tmp_path):
    figures.apply_theme()
    figure, axis = plt.subplots(figsize=(8, 8))
    axis.imshow(np.random.default_rng(0).random((600, 600, 3)), interpolation="nearest")
    saved = figures.save_figure(figure, tmp_path, "noise", caption="c", alt="Noise", raster=True)
    data = re.search(r"base64,([^\"]+)", saved.html)
    picture = base64.b64decode(data[1])
    assert len(picture) <= figures.MAX_RASTER_BYTES
    assert Image.open(io.BytesIO(picture)).format == "WEBP"
    assert 'alt="Noise"' in saved.html
    assert saved.file.suffix == ".png"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"alt": " "}, "alt is empty"),
        ({"caption": ""}, "caption is empty"),
        ({"name": "6 b"}, "not a valid id"),
    ],
)
def test_bad_arguments_are_named(tmp_path, change, says):
    arguments = {"name": "a", "caption": "c", "alt": "d"} | change
    figure = line()
    with pytest.raises(UserError, match=says):
        figures.save_figure(figure, tmp_path, arguments.pop("name"), **arguments)
    plt.close(figure)


def test_something_else_than_a_figure(tmp_path):
    with pytest.raises(UserError, match="found a str"):
        figures.save_figure("plot", tmp_path, "a", caption="c", alt="d")


def test_what_is_too_small_too_faint_or_an_exponent_is_made_readable(tmp_path):
    figures.apply_theme()
    figure, axis = plt.subplots()
    axis.fill_between([0.01, 1], [1, 1], [2, 3], color="#0062C8", alpha=0.2, lw=0, label="range")
    axis.legend()
    axis.text(0.1, 1.5, "tiny", fontsize=5)
    axis.set_xscale("log")
    html = figures.save_figure(figure, tmp_path, "a", caption="c", alt="d").html
    sizes = {float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", html)}
    assert min(sizes) == figures.SMALLEST
    assert ">0.01</text>" in html
    assert "10^" not in html
    bands = [tag for tag in re.findall(r"<(?:path|use|g)[^>]*>", html) if "fill-opacity: 0.2" in tag]
    assert len(bands) == 2  # the band, and its sample in the legend
    for band in bands:
        assert "stroke: var(--hue-0062c8,#0062c8)" in band
        assert "stroke-opacity" not in band
