"""The figure saver: alt text, the same bytes, both themes, size."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from markupsafe import Markup
from PIL import Image

from papers_lib.companion import figures
from papers_lib.plots import INK

mpl.use("agg")

import matplotlib.pyplot as plt


def line(width=5.6):
    figures.apply_theme()
    figure, axis = plt.subplots(figsize=(width, 3))
    axis.plot([0, 1, 2], [0.1, 0.3, 0.2], "o-")
    axis.set_xlabel("epoch 1.23456")
    return figure


def test_a_drawing_is_one_named_element_in_the_colours_of_the_page(tmp_path):
    figure = line()
    words = {"caption": Markup("<b>{}</b>").format("A < B"), "alt": '"Three" points'}
    html, file = figures.save_figure(figure, tmp_path, "fig6", **words)
    assert not plt.fignum_exists(figure.number)
    assert file == tmp_path / "fig6.svg"
    root = ElementTree.fromstring(file.read_text())
    assert root.attrib["aria-label"] == '"Three" points'
    assert "width" not in root.attrib
    assert html.startswith('<figure id="fig6"><div class="scroll drawing" tabindex="0"')
    assert html.endswith("<figcaption><b>A &lt; B</b></figcaption></figure>")
    small, _ = figures.save_figure(line(2.5), tmp_path, "a", caption="c", alt="d")
    assert "scroll" not in small  # fits a phone
    assert INK not in html
    assert "var(--hue-0062c8,#0062c8)" in html
    assert ">epoch 1.23456</text>" in html  # text is text, its numbers as they are
    assert not re.search(r"<style|<metadata|<!--|DejaVu|\d\.\d{4,}(?!</text>)[^<]*>", html)


def test_two_drawings_share_no_id_and_refer_to_their_own(tmp_path):
    found = []
    for name in ("a", "b"):
        html = figures.save_figure(line(), tmp_path, name, caption="c", alt="d")[0]
        ids = re.findall(r'\bid="([^"]+)"', html)
        assert len(ids) == len(set(ids))
        assert {*re.findall(r'(?:url\(#|xlink:href="#)([^")]+)', html)} <= {*ids}
        found.append({*ids})
    assert not found[0] & found[1]


@pytest.mark.parametrize("raster", [False, True])
def test_same_figure_same_bytes(tmp_path, raster):
    words = {"caption": "c", "alt": "d", "raster": raster}
    (first, one), (second, two) = (figures.save_figure(line(), tmp_path / at, "a", **words) for at in "xy")
    assert (first, one.read_bytes()) == (second, two.read_bytes())


def test_a_large_picture_stays_under_the_limit(tmp_path):
    figure, axis = plt.subplots(figsize=(8, 8))
    axis.imshow(np.random.default_rng(0).random((600, 600, 3)), interpolation="nearest")
    html, file = figures.save_figure(figure, tmp_path, "noise", caption="c", alt="Noise", raster=True)
    picture = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])
    assert len(picture) <= figures.MAX_RASTER_BYTES
    assert Image.open(io.BytesIO(picture)).format == "WEBP"
    assert 'alt="Noise"' in html
    assert file.suffix == ".png"


def test_what_is_too_small_too_faint_or_an_exponent_is_made_readable(tmp_path):
    figures.apply_theme()
    figure, axis = plt.subplots()
    axis.fill_between([0.01, 1], [1, 1], [2, 3], color="#0062C8", alpha=0.2, lw=0)
    axis.text(0.1, 1.5, "tiny", fontsize=5)
    axis.set_xscale("log")
    html = figures.save_figure(figure, tmp_path, "a", caption="c", alt="d")[0]
    assert min(float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", html)) == figures.SMALLEST
    assert ">0.01</text>" in html
    (band,) = (tag for tag in re.findall(r"<(?:path|use|g)[^>]*>", html) if "fill-opacity: 0.2" in tag)
    assert "stroke: var(--hue-0062c8,#0062c8)" in band
    assert "stroke-opacity" not in band
