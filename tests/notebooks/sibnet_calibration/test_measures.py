"""What a model is measured by, against scikit-learn and loops."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score
from torch import nn

from papers_lib.models.multilabel_classifier import MultilabelClassifier
from sibnet_calibration import measures
from sibnet_calibration.data import Inputs
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
    return Inputs.of(chexpert.store.root, "", "", "", "cpu")


@pytest.fixture
def measured(inputs):
    return measures.measure(network().train(), nn.Identity(), inputs, 1)


def test_predictions_do_not_depend_on_the_batch_and_mimo_is_read_by_its_mean(inputs, monkeypatch):
    rows = np.arange(10)
    whole = measures.predict(network(), inputs, rows, 1)
    monkeypatch.setattr(measures, "BATCH", 3)
    torch.testing.assert_close(measures.predict(network(), inputs, rows, 1), whole, rtol=1e-4, atol=1e-5)
    found = measures.predict(network(2), inputs, rows, 2)
    with torch.no_grad():
        both = network(2)(inputs.batch(rows).repeat(1, 2, 1, 1)).unflatten(1, (2, 5))
    torch.testing.assert_close(found.sigmoid(), both.sigmoid().mean(1), rtol=1e-4, atol=1e-5)
    metrics, arrays = measures.measure(network(2), nn.Identity(), inputs, 2)
    assert set(arrays) == {"train_logits", "val_logits", "test_logits", "contrast_logits"}  # no maps
    assert not {"coherence", "point_macro", "dead_maps"} & set(metrics)


def test_scores_of_the_test_part(inputs, measured):
    metrics, arrays = measured
    test = inputs.images.images.part("test")
    for k, name in enumerate(test.classes):
        expected = roc_auc_score(test.labels[:, k], arrays["test_logits"][:, k])
        assert metrics[f"auroc/{name}"] == pytest.approx(expected)
    p = torch.from_numpy(arrays["test_logits"]).double().sigmoid().numpy()
    nll = [log_loss(test.labels[:, k], p[:, k]) for k in range(5)]
    assert metrics["nll"] == pytest.approx(np.mean(nll), rel=1e-5)
    for part, rows in inputs.rows.items():
        expected = measures.predict(network(), inputs, rows, 1).numpy()  # in eval mode
        np.testing.assert_allclose(arrays[f"{part}_logits"], expected, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        pale = network()(inputs.batch(inputs.rows["test"]) / 2 + 0.25)
    np.testing.assert_allclose(arrays["contrast_logits"], pale.numpy(), rtol=1e-4, atol=1e-5)


def test_numbers_of_the_maps_by_hand(inputs, measured):
    metrics, arrays = measured
    with torch.no_grad():
        maps = network().see(inputs.batch(inputs.rows["test"])).maps
    np.testing.assert_allclose(arrays["maps"], maps.numpy(), rtol=1e-3, atol=1e-6)
    dead = int((maps.flatten(2).max(2).values <= 0).sum())
    assert 0 < dead < 21 * 5
    assert metrics["dead_maps"] == pytest.approx(dead / (21 * 5))
    unit = torch.nn.functional.normalize(maps.relu().flatten(2), dim=2)
    cosines = [(unit[:, i] * unit[:, j]).sum(1).mean() for i in range(5) for j in range(i)]
    assert metrics["raw_distinctiveness"] == pytest.approx(float(torch.stack(cosines).mean()), rel=1e-4)
    assert metrics["code_negative"] == 0  # the features end in a ReLU
    hits = {}
    large = torch.nn.functional.interpolate(maps, (SIDE, SIDE), mode="bilinear", align_corners=False)
    test = inputs.images.images.part("test")
    for image, (boxes, kinds) in enumerate(zip(test.boxes, test.box_classes, strict=True)):
        for k in set(kinds.tolist()):
            y, x = divmod(int(large[image, k].argmax()), SIDE)
            inside = [b[0] <= x + 0.5 <= b[2] and b[1] <= y + 0.5 <= b[3] for b in boxes[kinds == k] * SIDE]
            hits.setdefault(k, []).append(any(inside))
    for k, name in enumerate(test.classes):
        assert metrics[f"point/{name}"] == pytest.approx(np.mean(hits[k]), abs=1 / len(hits[k]))
