"""The report's schematics: sizes against the model's own, and one config's words against another's."""

from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
import torch

from sibnet_calibration.drawing import (
    architecture_drawing,
    mimo_drawing,
    pipeline_drawing,
    sizes,
)
from sibnet_calibration.experiment import SibnetRun, build

FULL = SibnetRun(
    seed=0, loss="wbce", distinct=1.4, coherent=30.0, first_epochs=2, epochs=5, learning_rate=1e-3
)
MIMO = SibnetRun(seed=0, inputs=2, train_from="", batch_size=24, repetition=4)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def words(figure):
    return [
        " ".join(text.get_text().split()) for axis in figure.axes for text in axis.texts if text.get_text()
    ]


def fits(figure):
    """Every text lies inside its box, and no two boxes overlap."""
    figure.canvas.draw()
    (axis,) = figure.axes
    boxes = [patch.get_window_extent() for patch in axis.patches]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    for text in axis.texts:
        if text.get_text() and text.get_fontweight() == "normal":
            found = text.get_window_extent()
            assert any(
                box.x0 <= found.x0 and found.x1 <= box.x1 and box.y0 <= found.y0 and found.y1 <= box.y1
                for box in boxes
            ), text.get_text()
    return figure


def test_sizes_are_those_of_the_model():
    found = sizes(replace(FULL, estimator="all"), classes=3, side=64)
    assert found.frozen == (80, 4, 4)  # EfficientNet-Lite0 has 80 channels at stride 16
    assert found.features == (256, 4, 4)
    assert (found.logits, found.maps) == ((3,), (3, 4, 4))
    assert (found.again, found.codes, found.components) == ((3, 3, 64, 64), (3, 256, 4, 4), (3, 64, 64))
    assert sizes(FULL, 3, 64).codes[0] == 2  # of a sampled pair


def test_architecture_of_the_full_loss():
    said = words(fits(architecture_drawing(FULL, 5, 64)))
    assert "image 3×64×64" in said
    assert "mean, linear 5 logits" in said
    assert "EfficientNet-Lite0: stem to blocks_3, frozen 80×4×4" in said
    assert "codes Z 2×256×4×4" in said
    assert any("2 of 5 maps of 25% of the images" in text for text in said)
    assert any(text.endswith("λ1 = 1.4, λ2 = 30") for text in said)


@pytest.mark.parametrize(
    ("config", "classes"),
    [
        (replace(FULL, estimator="all"), 8),
        (replace(FULL, encoded=False, variant="published", estimator="all"), 14),
        (replace(FULL, encoded=False), 2),
        (SibnetRun(seed=0, loss="focal"), 5),
        (SibnetRun(seed=0, backbone="resnet18", weights="timm", last_stage="", train_from=""), 5),
    ],
)
def test_every_variant_fits(config, classes):
    said = words(fits(architecture_drawing(config, classes, 64)))
    assert sum("the same network again" in text for text in said) == config.encoded
    assert sum("frozen" in text for text in said) == bool(config.train_from)
    if config.estimator == "all":
        assert any(f"mean of {classes * (classes - 1) // 2} pairs" in text for text in said)
    assert any("Otsu" in text for text in said) == (config.variant == "published")


def test_terms_without_weight_are_grey():
    def colours(config):
        (axis,) = architecture_drawing(config, 5, 64).axes
        return [patch.get_edgecolor() for patch in axis.patches]

    full, plain = colours(FULL), colours(replace(FULL, coherent=0.0))
    assert sum(a != b for a, b in zip(full, plain, strict=True)) == 2  # components, L_SC


def test_stages_of_the_modified_pipeline():
    said = words(fits(pipeline_drawing(FULL)))
    assert said[0] == "EfficientNet-Lite0, ImageNet weights"
    assert "stage 1 of 2: 2 epochs, Adam, learning rate 0.001, batch 32" in said
    assert "stage 2 of 2: 3 epochs, Adam, learning rate 0.001, batch 32" in said
    assert said.count("weighted cross entropy") == 2
    assert "+ 1.4 L_CD + 30 L_SC" in said


def test_stages_of_other_runs():
    pesg = SibnetRun(
        seed=0, loss="auc", optimizer="pesg", first_loss="bce", first_epochs=1, epochs=2, pesg_rate=0.5
    )
    said = words(fits(pipeline_drawing(pesg)))
    assert "stage 1 of 2: 1 epoch, Adam, learning rate 0.0003, batch 32" in said
    assert "stage 2 of 2: 1 epoch, PESG, learning rate 0.5, batch 32" in said
    assert said.index("cross entropy") < said.index("AUC margin loss")
    assert not any("L_" in text for text in said)
    one = words(fits(pipeline_drawing(SibnetRun(seed=0, weights="random", epochs=7))))
    assert any(text.startswith("stage 1 of 1: 7 epochs") for text in one)
    assert one[0] == "EfficientNet-Lite0, random weights"


@pytest.mark.parametrize("inputs", [1, 2, 3, 5])
def test_mimo_of_any_number_of_inputs(inputs):
    said = words(fits(mimo_drawing(replace(MIMO, inputs=inputs), 4, 64)))
    first = next(layer for layer in build(replace(MIMO, inputs=inputs, weights="random"), 4).modules()
                 if isinstance(layer, torch.nn.Conv2d))  # fmt: skip
    assert f"one network, first convolution {first.in_channels} → 32 channels {4 * inputs} logits" in said
    assert first.in_channels == 3 * inputs
    assert f"image {inputs} 3×64×64" in said
    assert said.count("…") == (4 if inputs == 5 else 0)
    assert sum(text.endswith("4 logits") and text.startswith("head") for text in said) == min(
        inputs, 2 if inputs > 3 else 3
    )
    assert said[-1] == "mean of the heads 4 probabilities"


def test_mimo_batch_is_repeated():
    assert words(mimo_drawing(MIMO, 4, 64))[0] == (
        "training: a step of 6 images in 24 rows, each 4 × in every input"
    )
    assert words(mimo_drawing(replace(MIMO, inputs=1), 4, 64))[0] == "training: a step of 24 images"


def test_nothing_of_torch_s_own_generator_is_drawn():
    before = torch.random.get_rng_state()
    architecture_drawing(FULL, 3, 64)
    mimo_drawing(MIMO, 3, 64)
    assert torch.equal(torch.random.get_rng_state(), before)
