"""Image panels: which images, and what is drawn where, read back from the axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from papers_lib.cams import display_map
from papers_lib.metrics.localization import point_hits
from sibnet_calibration.figures import (
    by_backbone,
    by_setting,
    example_pairs,
    examples_figure,
    saliency_figure,
)
from tests.notebooks.sibnet_calibration.pictures import (
    EDEMA,
    EFFUSION,
    NODULE,
    PIXELS,
    SIDE,
    opened,
    peaked,
    swept,
)
from tests.notebooks.sibnet_calibration.runs import Runs

CELLS = [(0, 0), (0, 1), (3, 3), (2, 2), (1, 1), (3, 0)]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def model(runs, maps=None, logit=0.0, **fields):
    maps = peaked(*CELLS) if maps is None else maps
    logits = np.full((6, maps.shape[1]), logit)
    return runs.record({}, {"maps": np.float16(maps), "test_logits": logits}, **fields)


def titles(figure):
    return [axis.get_title() for axis in figure.axes]


def test_each_class_has_the_first_test_image_with_its_label_and_a_box():
    # Test images 0 to 5 are rows 1 to 6. Row 1 has a box of Edema but not its label; row 2 has all labels, and boxes of
    # Edema and of effusion; row 4 has the label of effusion without a box.
    assert example_pairs(opened().images) == [(1, EDEMA), (4, EFFUSION), (0, NODULE)]
    assert example_pairs(opened().images, count=1) == [(1, EDEMA)]
    assert example_pairs(opened().images, kept=4) == [(1, EDEMA), (0, NODULE)]


def test_without_boxes_the_label_decides():
    assert example_pairs(opened(boxes=False).images) == [(1, EDEMA), (3, EFFUSION), (0, NODULE)]


def test_examples_say_label_and_probability():
    figure = examples_figure(opened())
    assert titles(figure) == [
        "Edema\nlabel 1\nP(y|x) = 0.30",  # (3 · 2 + 0) / 20
        "Pleural Effusion\nlabel 1\nP(y|x) = 0.80",
        "Lung Nodule\nlabel 1\nP(y|x) = 0.25",
    ]
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), PIXELS[5])
    assert [len(axis.patches) for axis in figure.axes] == [1, 1, 0]
    assert titles(examples_figure(opened(truth=False)))[0] == "Edema\nlabel 1"


def test_columns_by_setting_and_by_backbone(runs):
    records = [
        model(runs, arm="mapping", logit=1),
        model(runs, seed=1, logit=2),
        model(runs, logit=3),
        model(runs, arm="saliency", loss="wbce", distinct=1.4, first_epochs=1),
        model(runs, arm="backbones", backbone="efficientnet_lite2", weights="packaged"),
        runs.record(status="diverged", loss="focal"),
        model(runs, arm="mimo", train_from="", inputs=2),
    ]
    one = [swept(*records)]
    assert [record for _, record in by_setting(one, ["cd_two_stage", "bce", "focal", "mimo_2"])] == [
        records[3],
        records[2],
    ]
    assert by_setting(one, ["bce"], seed=1)[0][1] is records[1]
    assert by_setting(one, ["bce"], arms=["mapping"])[0][1] is records[0]
    assert by_backbone(one) == [
        ("EfficientNet-Lite0, random weights", records[2]),
        ("EfficientNet-Lite2", records[4]),
    ]


def test_a_map_lies_over_its_image_with_the_model_s_probability(runs):
    record = model(runs, logit=np.log(3))
    figure = saliency_figure(swept(record), [("ours", record)], [(1, EDEMA), (0, NODULE)])
    assert titles(figure)[1:] == ["ours\np = 0.75", "Lung Nodule\nlabel 1\nP(y|x) = 0.25", "p = 0.75"]
    image, over = figure.axes[1].images
    np.testing.assert_array_equal(image.get_array(), PIXELS[2])
    raw = torch.tensor(peaked(*CELLS)[1, EDEMA]).float()
    np.testing.assert_allclose(over.get_array(), display_map(raw, (SIDE, SIDE)).numpy())
    (box,) = figure.axes[1].patches
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (0, 0, 16, 16)


def test_the_hottest_pixel_is_a_ring_in_the_box_and_a_cross_outside(runs):
    record = model(runs)
    figure = saliency_figure(swept(record), [("", record)], [(1, EDEMA), (2, EDEMA)])
    inside, outside = (figure.axes[at].lines[0] for at in (1, 3))
    # Cells (0, 1) and (3, 3) of 8 pixels; the box is that of pixels 0 to 16.
    assert (inside.get_marker(), outside.get_marker()) == ("o", "x")
    raw = torch.tensor(peaked(*CELLS)[2, EDEMA]).float()
    point = point_hits(raw[None], [torch.zeros(0, 4)], (SIDE, SIDE)).point[0]
    assert [outside.get_xdata()[0], outside.get_ydata()[0]] == point.tolist()


def test_dead_constant_and_broken_maps(runs):
    maps = peaked(*CELLS)
    maps[1], maps[2], maps[3, :, 0, 0] = -1, 2, np.nan
    record = model(runs, maps)
    figure = saliency_figure(swept(record), [("", record)], [(1, EDEMA), (2, EDEMA), (3, EFFUSION)])
    dead, constant, broken = (figure.axes[at] for at in (1, 3, 5))
    assert [text.get_text() for axis in (dead, broken) for text in axis.texts] == [
        "no positive value",
        "not finite",
    ]
    assert len(dead.images) == len(broken.images) == 1
    assert (len(constant.images), len(constant.lines), len(constant.texts)) == (2, 0, 0)


def test_maps_of_other_resolutions_stand_side_by_side(runs):
    records = [
        model(runs),
        model(runs, np.float16(np.ones((3, 3, 7, 7))) * np.arange(7), backbone="densenet121"),
    ]
    figure = saliency_figure(swept(*records), [("a", records[0]), ("b", records[1])])
    assert len(figure.axes) == 6  # two images: of three kept by both, Edema and the nodule have one
    assert {axis.images[-1].get_array().shape for axis in figure.axes} == {(SIDE, SIDE)}


def test_nothing_to_show(runs):
    mimo = runs.record({}, {"test_logits": np.zeros((6, 3))}, inputs=2, train_from="")
    record = model(runs)
    assert saliency_figure(swept(mimo), [("mimo", mimo)]) is None
    assert saliency_figure(swept(record), []) is None
    assert saliency_figure(swept(record), [("", record)], [(6, EDEMA)]) is None
    assert by_setting([swept()], ["bce"]) == by_backbone([swept()]) == []
