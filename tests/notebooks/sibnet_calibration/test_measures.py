from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score
from torch import nn

from papers_lib.models.multilabel_classifier import MultilabelClassifier
from sibnet_calibration import measures
from sibnet_calibration.inputs import Inputs
from tests.notebooks.sibnet_calibration.runs import SIDE


def network(inputs: int = 1) -> MultilabelClassifier:
    """A convolution of stride 8: maps 8 x 8 of five classes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = OrderedDict(a=nn.Conv2d(3 * inputs, 8, 8, 8), b=nn.BatchNorm2d(8), c=nn.ReLU())
    generator = torch.Generator().manual_seed(0)
    return MultilabelClassifier(nn.Sequential(layers), 8, 5 * inputs, generator=generator, dropout=0.5).eval()


@pytest.fixture
def inputs(chexpert):
    return Inputs.of(chexpert.images, chexpert.store.root, "", "", "", "cpu")


@pytest.fixture
def measured(chexpert, inputs):
    return measures.measure(network().train(), nn.Identity(), inputs, chexpert.images, 1, "cpu")


def test_batches_make_no_difference(inputs, monkeypatch):
    rows = np.arange(10)
    whole = measures.predict(network(), inputs, rows, 1, "cpu")
    monkeypatch.setattr(measures, "BATCH", 3)
    torch.testing.assert_close(measures.predict(network(), inputs, rows, 1, "cpu"), whole)
    assert whole.shape == (10, 5)
    assert not whole.requires_grad


def test_a_mimo_network_is_read_by_its_mean_probability(inputs):
    model, rows = network(inputs=2), np.arange(4)
    found = measures.predict(model, inputs, rows, 2, "cpu")
    with torch.no_grad():
        both = model(inputs.batch(rows, "cpu").repeat(1, 2, 1, 1)).unflatten(1, (2, 5))
    torch.testing.assert_close(found.sigmoid(), both.sigmoid().mean(1))


def test_scores_of_an_epoch_are_those_of_the_calibration_part(chexpert, inputs):
    rows = inputs.rows["val"]
    found = measures.epoch_scores(network(), inputs, 1, "cpu")
    labels = chexpert.images.images.labels[rows]
    p = measures.predict(network(), inputs, rows, 1, "cpu").sigmoid().double().numpy()
    assert found["val_auroc"] == pytest.approx(roc_auc_score(labels, p))
    assert found["val_loss"] == pytest.approx(
        np.mean([log_loss(labels[:, k], p[:, k]) for k in range(5)]), rel=1e-5
    )


def test_everything_is_measured_in_eval_mode(chexpert, inputs, measured):
    metrics, arrays = measured
    classes = chexpert.images.images.classes
    test = chexpert.images.images.part("test")
    for k, name in enumerate(classes):
        expected = roc_auc_score(test.labels[:, k], arrays["test_logits"][:, k])
        assert metrics[f"auroc/{name}"] == pytest.approx(expected)
        assert 0 <= metrics[f"point/{name}"] <= 1
    assert metrics["auroc_macro"] == pytest.approx(np.mean([metrics[f"auroc/{name}"] for name in classes]))
    for part, rows in inputs.rows.items():
        expected = measures.predict(network(), inputs, rows, 1, "cpu").numpy()
        np.testing.assert_array_equal(arrays[f"{part}_logits"], expected)


def test_numbers_of_the_maps_by_hand(chexpert, inputs, measured):
    metrics, arrays = measured
    model = network()
    with torch.no_grad():
        maps = model.see(inputs.batch(inputs.rows["test"], "cpu")).maps
    np.testing.assert_allclose(arrays["maps"], maps.numpy(), rtol=1e-3, atol=1e-6)
    dead = int((maps.flatten(2).max(2).values <= 0).sum())
    assert 0 < dead < 21 * 5
    assert metrics["dead_maps"] == pytest.approx(dead / (21 * 5))
    unit = torch.nn.functional.normalize(maps.relu().flatten(2), dim=2)
    cosines = [(unit[:, i] * unit[:, j]).sum(1).mean() for i in range(5) for j in range(i)]
    assert metrics["raw_distinctiveness"] == pytest.approx(float(torch.stack(cosines).mean()), rel=1e-4)
    assert metrics["code_negative"] == 0  # the features end in a ReLU
    hits = []
    large = torch.nn.functional.interpolate(maps, (SIDE, SIDE), mode="bilinear", align_corners=False)
    test = chexpert.images.images.part("test")
    for image, (boxes, kinds) in enumerate(zip(test.boxes, test.box_classes, strict=True)):
        for k in set(kinds.tolist()):
            y, x = divmod(int(large[image, k].argmax()), SIDE)
            own = boxes[kinds == k] * SIDE
            inside = (own[:, 0] <= x + 0.5) & (x + 0.5 <= own[:, 2]) & (own[:, 1] <= y + 0.5)
            hits.append((k, bool((inside & (y + 0.5 <= own[:, 3])).any())))
    for k, name in enumerate(test.classes):
        counted = [hit for kind, hit in hits if kind == k]
        assert metrics[f"point/{name}"] == pytest.approx(np.mean(counted), abs=1 / len(counted))


def test_parts_of_the_maps_make_no_difference(chexpert, inputs, measured, monkeypatch):
    monkeypatch.setattr(measures, "BATCH", 12)
    again, _ = measures.measure(network(), nn.Identity(), inputs, chexpert.images, 1, "cpu")
    assert again == pytest.approx(measured[0], rel=1e-4)


def test_half_the_contrast_about_medium_grey(inputs, measured):
    rows = inputs.rows["test"]
    with torch.no_grad():
        expected = network()(inputs.batch(rows, "cpu") / 2 + 0.25)
    np.testing.assert_allclose(measured[1]["contrast_logits"], expected.numpy(), rtol=1e-4, atol=1e-5)


def test_a_set_without_boxes_has_nothing_to_point_at(chexpert, inputs):
    whole = chexpert.images.images
    none = tuple(boxes[:0] for boxes in whole.boxes)
    kinds = tuple(kind[:0] for kind in whole.box_classes)
    bare = replace(chexpert.images, images=replace(whole, boxes=none, box_classes=kinds))
    metrics, arrays = measures.measure(network(), nn.Identity(), inputs, bare, 1, "cpu")
    assert not [name for name in metrics if name.startswith("point")]
    assert "coherence" in metrics
    assert "maps" in arrays


def test_a_mimo_network_has_no_maps(chexpert, inputs):
    metrics, arrays = measures.measure(network(2), nn.Identity(), inputs, chexpert.images, 2, "cpu")
    assert set(arrays) == {"train_logits", "val_logits", "test_logits", "contrast_logits"}
    assert not {"coherence", "point_macro", "dead_maps"} & set(metrics)
