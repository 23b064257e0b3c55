"""The architecture as it is read off a model: against the model's own parameters and outputs, and left as it was."""

import matplotlib.pyplot as plt
import pytest
import torch

from papers_lib.models.heatmap_classifier import HeatmapClassifier
from papers_lib.models.pylon import ConventionalHead, PylonDecoder, pylon
from pylon.architecture import Step, parameter_shares, read, table
from pylon.drawing import architecture_figure, drawing


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def model(backbone="resnet18", classes=3, channels=1, **decoder):
    generator = torch.Generator().manual_seed(0)
    return pylon(
        backbone, classes, generator=generator, in_channels=channels, weights="random", width=32, **decoder
    )


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_sizes_channels_and_parameters_by_hand():
    found = read(model(), side=128)
    assert [stage.shape for stage in found.stages] == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]
    up = found.parts["body.ups.2.lateral.1"]
    assert (up.shape, up.words) == ((32, 32, 32), "Conv 1×1, 64 → 32, BatchNorm, ReLU")
    assert up.parameters == 64 * 32 + 32 + 2 * 32
    down = found.parts["body.attention.down.0"]
    assert (down.shape, down.parameters) == ((1, 2, 2), 512 * 49 + 1 + 2)
    assert found.parts["head"].words == "Conv 1×1, 32 → 3"
    assert found.used == (0, 1, 2, 3)


def test_pools_and_resizings_are_those_that_ran():
    found = read(model(), side=160)
    assert [(step.before, step.after) for step in found.pooled()] == [
        ((5, 5), (3, 3)),
        ((3, 3), (2, 2)),
        ((2, 2), (1, 1)),
    ]
    after = [step.after for step in found.resized()]
    assert after == [(2, 2), (3, 3), (5, 5), (10, 10), (20, 20), (40, 40)]
    assert found.resized()[-1] == Step("resize", (20, 20), (40, 40), 32)


@pytest.mark.parametrize("ups", [0, 1, 2, 3])
def test_every_number_of_ups(ups):
    found = read(model(ups=ups), side=64)
    assert found.ups == ups
    assert found.used == tuple(range(3 - ups, 4))
    assert found.parts["head"].shape == (3, 2 << ups, 2 << ups)
    words = texts(architecture_figure(found))
    assert sum("not read" in word for word in words) == 3 - ups
    assert sum(word.startswith("UP ") for word in words) == ups
    assert f"heatmaps\n3×{2 << ups}×{2 << ups}" in words


def test_every_parameter_is_in_the_table():
    for settings in (
        {},
        {"attention": False, "up": "small"},
        {"gap": True, "norm": "group", "up": "conv3x3"},
    ):
        one = model(**settings)
        found = table(read(one, side=64)).set_index("part")
        total = sum(parameter.numel() for parameter in one.parameters())
        assert found.loc["decoder in all", "parameters"] + found.loc["encoder in all", "parameters"] == total
        decoder = sum(parameter.numel() for parameter in one.decoder.parameters())
        assert found.loc["decoder in all", "parameters"] == decoder
    assert found.loc["UP 3, lateral 1", "what"] == "Conv 3×3, 64 → 32, GroupNorm, ReLU"
    assert "PA, gap" in found.index
    assert found.loc["logits", ["channels", "size"]].tolist() == [3, "1 × 1"]


def test_the_model_is_left_as_it_was():
    one = model()
    one.encoder.eval()  # a frozen encoder under a decoder in training
    before = {name: value.clone() for name, value in one.state_dict().items()}
    modes = [module.training for module in one.modules()]
    read(one, side=64)
    assert [module.training for module in one.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in one.state_dict().items())
    assert not any(module._forward_hooks for module in one.modules())


def test_hooks_go_when_the_pass_fails():
    one = model()
    with pytest.raises(ValueError, match="divisible by 32"):
        read(one, side=100)
    assert not any(module._forward_hooks for module in one.modules())
    assert one.decoder.training


def test_other_decoders_are_refused():
    generator = torch.Generator()
    head = ConventionalHead((64, 128, 256, 512), 3, generator=generator)
    with pytest.raises(ValueError, match="ConventionalHead"):
        read(HeatmapClassifier(model().encoder, head))
    decoder = PylonDecoder((64, 128, 256, 512), 3, generator=generator)
    with pytest.raises(ValueError, match="PylonDecoder"):
        read(HeatmapClassifier(None, decoder))


def test_the_paper_s_shares():
    found = parameter_shares()
    assert found["encoder_parameters"] == 23_501_760  # ResNet-50 of one channel, without its last layer
    assert found["decoder_parameter_share"] == found["decoder_parameters"] / 23_501_760


def overlapping(figure):
    """Pairs of boxes that overlap, in units of the axes they are in."""
    found = []
    for axis in figure.axes:
        boxes = [patch.get_window_extent() for patch in axis.patches]
        found += [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    return found


@pytest.mark.parametrize(
    ("backbone", "settings"),
    [
        ("resnet50", {"gap": True}),
        ("resnet18", {}),
        ("resnet18", {"ups": 0, "gap": True}),
        ("resnet18", {"attention": False, "ups": 1, "up": "small"}),
    ],
)
def test_the_drawing_has_every_part_and_text_stays_in_its_box(backbone, settings):
    found = read(model(backbone, **settings), side=256)
    figure = architecture_figure(found)
    figure.canvas.draw()
    assert overlapping(figure) == []
    words = "\n".join(texts(figure))
    for part in found.parts.values():
        assert part.words.split(", ")[1] in words, part.name
    for step in found.steps:
        assert f"{step.before[0]} → {step.after[0]}" in words
    for axis in figure.axes:
        for patch in axis.patches:
            box = patch.get_window_extent()
            inside = [
                text for text in axis.texts if box.contains(*text.get_window_extent().get_points().mean(0))
            ]
            assert len(inside) == 1
            extent = inside[0].get_window_extent()
            assert extent.x0 >= box.x0, inside[0].get_text()
            assert extent.x1 <= box.x1, inside[0].get_text()
            assert extent.y0 >= box.y0, inside[0].get_text()
            assert extent.y1 <= box.y1, inside[0].get_text()


def test_each_resizing_stands_at_its_arrow():
    above, below = architecture_figure(read(model(), side=256)).axes
    of_up = {text.get_text(): text.get_position()[1] for text in above.texts if "resize" in text.get_text()}
    of_mask = {text.get_text(): text.get_position()[1] for text in below.texts if "resize" in text.get_text()}
    assert sorted(of_up, key=of_up.__getitem__) == ["resize 8 → 16", "resize 16 → 32", "resize 32 → 64"]
    assert sorted(of_mask, key=of_mask.__getitem__) == ["resize 1 → 2", "resize 2 → 4", "resize 4 → 8"]


def test_drawn_from_settings():
    words = texts(drawing("resnet18", "random", 32, 64, 3, classes=2, ups=1))
    assert "image 3×64×64" in words
    assert "global maximum\n2 logits" in words
    assert "resnet18" in words
