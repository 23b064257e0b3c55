"""The colours of every figure: apart for colour-blind readers, visible in both themes, steady by group."""

from itertools import combinations

import numpy as np
import pytest

from papers_lib import plots as palette

# The two pages of templates/page.css.j2, and the card of raster figures.
LIGHT, DARK, CARD = "#fdfdfc", "#14171b", "#f6f5f2"

# Machado, Oliveira and Fernandes 2009, full severity, on linear RGB.
VISION = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
LEAST = 16.0  # CIE76; the palette before had 2.7 for vermillion and orange under deuteranopia


def linear(colour: str) -> np.ndarray:
    """Linear RGB of ``#rrggbb``, in [0, 1]."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """Contrast ratio of WCAG 2.2, 1 to 21."""
    low, high = sorted(float(linear(colour) @ TO_XYZ[1]) for colour in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, vision: str) -> np.ndarray:
    """CIE Lab under D65, as seen with this vision."""
    xyz = TO_XYZ @ np.clip(VISION[vision] @ linear(colour), 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(a: str, b: str, vision: str = "all cones") -> float:
    """Distance in CIE Lab."""
    return float(np.linalg.norm(lab(a, vision) - lab(b, vision)))


@pytest.mark.parametrize("role", list(palette.PALETTE))
def test_every_colour_is_visible_on_its_grounds(role):
    assert contrast(palette.PALETTE[role], LIGHT) >= 3
    assert contrast(palette.PALETTE[role], CARD) >= 3
    assert contrast(palette.DARK[role], DARK) >= 3


@pytest.mark.parametrize("vision", list(VISION))
@pytest.mark.parametrize("theme", ["PALETTE", "DARK"])
def test_every_pair_is_told_apart_by_every_reader(theme, vision):
    hues = getattr(palette, theme)
    assert list(hues) == list(palette.PALETTE)
    pairs = {(a, b): apart(hues[a], hues[b], vision) for a, b in combinations(hues, 2)}
    assert {pair: round(found, 1) for pair, found in pairs.items() if found < LEAST} == {}


def test_there_is_a_second_cue_for_every_colour():
    for cues in (palette.MARKERS, palette.DASHES):
        assert len(set(cues)) == len(cues) >= len(palette.PALETTE)


def test_a_group_keeps_its_colour_whatever_the_others():
    assert palette.colours(["cce", "heatmap"])["heatmap"] == palette.colours(["heatmap"])["heatmap"]
    tints = palette.colours(["cce", "heatmap", "third", "fourth"])
    assert len(set(tints.values())) == 4
    assert palette.colours(["cce"], {"cce": "#123456"}) == {"cce": "#123456"}
