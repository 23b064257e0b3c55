"""What a model is measured by, against the metrics applied one by one to all test images at once."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest
import torch

from papers_lib.cams import grad_cam, head_gradients
from papers_lib.metrics.classification import auroc
from papers_lib.metrics.heatmap_iou import heatmap_iou
from papers_lib.metrics.localization import point_hits, point_localization
from pylon import experiment, measures
from pylon.measures import grad_cam_pp_signed, measure, predict
from tests.notebooks.pylon.stores import CLASSES, RUN, SIDE, context, same

SIZE = (SIDE, SIDE)


class Trained:
    """A model as it comes out of a run, and all that it was measured on."""

    def __init__(self, store, checkpoint, config):
        patch = pytest.MonkeyPatch()
        patch.setattr(experiment, "measure", self.keep)
        experiment.run(config, context(store, checkpoint))
        patch.undo()

    def keep(self, staged, inputs, images, rows, device, **options):
        self.staged, self.inputs, self.images, self.rows, self.options = staged, inputs, images, rows, options
        return {}, {}

    def measured(self, images=None, **options):
        """With the options of the run, or others; that of the run itself is made once."""
        if images is None and not options:
            return self.default
        options = {**self.options, **options}
        return measure(self.staged, self.inputs, images or self.images, self.rows, "cpu", **options)

    @cached_property
    def default(self):
        return measure(self.staged, self.inputs, self.images, self.rows, "cpu", **self.options)

    @cached_property
    def outputs(self):
        """Logits and maps of all test images, boxed or not."""
        return predict(self.staged, self.inputs, self.rows["test"], "cpu", with_maps=True)

    def relabelled(self, part, labels):
        found = self.images.labels.copy()
        found[self.rows[part]] = labels
        return replace(self.images, labels=found)


@pytest.fixture(scope="module")
def cam(store, tmp_path_factory):
    return Trained(
        store, tmp_path_factory.mktemp("cam") / "x", replace(RUN, method="cam", epochs=4, masked=2)
    )


@pytest.fixture(scope="module")
def pylon_model(store, tmp_path_factory):
    return Trained(store, tmp_path_factory.mktemp("pylon") / "x", replace(RUN, epochs=4, masked=2))


@pytest.fixture(params=["cam", "pylon_model"])
def trained(request):
    return request.getfixturevalue(request.param)


def test_hits_and_areas_are_those_of_all_test_images_at_once(trained):
    metrics, arrays = trained.measured()
    logits, maps = trained.outputs
    test = trained.images.part("test")
    hits = [point_hits(maps[:, k], test.of_class(k, SIZE), SIZE) for k in range(len(CLASSES))]
    expected = point_localization(hits)
    assert (metrics["point_macro"], metrics["point_weighted"]) == (expected.macro, expected.weighted)
    assert [metrics[f"point/{name}"] for name in CLASSES] == expected.per_class.tolist()
    assert len(arrays["pairs"]) == len(arrays["hits"]) == int(expected.images.sum())
    for (row, k), hit in zip(arrays["pairs"], arrays["hits"], strict=True):
        place = int(np.flatnonzero(trained.rows["test"] == row)[0])
        assert hits[k].counted[place]
        assert hits[k].hit[place] == hit
    area = auroc(logits, torch.from_numpy(test.labels))
    assert [metrics[f"auroc/{name}"] for name in CLASSES] == area.per_class.tolist()


def test_iou_has_the_thresholds_of_the_validation_part_and_no_test_label_moves_them(trained, monkeypatch):
    seen = []
    best = measures.best_gmean_thresholds
    monkeypatch.setattr(
        measures, "best_gmean_thresholds", lambda *a, **b: seen.append(best(*a, **b)) or seen[-1]
    )
    metrics, _ = trained.measured(masked=0)
    _, maps = trained.outputs
    test = trained.images.part("test")
    boxed = [place for place, boxes in enumerate(test.boxes) if len(boxes)]
    for k, name in enumerate(CLASSES):
        boxes = test.take(boxed).of_class(k, SIZE)
        found = heatmap_iou(maps[boxed, k], boxes, SIZE, float(seen[0].threshold[k]))
        assert metrics[f"iou/{name}"] == pytest.approx(float(found.iou[found.counted].mean()))
    for part in ("test", "val"):
        labels = ~trained.images.labels[trained.rows[part]]
        after, _ = trained.measured(images=trained.relabelled(part, labels), masked=0)
        kept = [{k: v for k, v in one.items() if not k.startswith("auroc")} for one in (metrics, after)]
        assert same(*kept) == (part == "test")


def test_a_class_that_the_validation_part_lacks_has_no_iou_and_no_masked_out_area(pylon_model):
    labels = pylon_model.images.labels[pylon_model.rows["val"]].copy()
    labels[:, 1] = False
    metrics, _ = pylon_model.measured(images=pylon_model.relabelled("val", labels))
    assert f"iou/{CLASSES[1]}" not in metrics
    assert 0 <= metrics["iou_macro"] <= 1
    assert 0 <= metrics["masked_out_macro"] <= 1
    without, _ = pylon_model.measured(images=pylon_model.relabelled("val", False))
    assert f"point/{CLASSES[1]}" in without
    assert not [name for name in without if name.startswith(("iou", "masked"))]


def test_pairs_that_are_negative_from_the_start_have_no_area(pylon_model, monkeypatch):
    best = measures.best_gmean_thresholds
    high = lambda *a, **b: best(*a, **b)._replace(threshold=torch.full((len(CLASSES),), 1e9))  # noqa: E731
    monkeypatch.setattr(measures, "best_gmean_thresholds", high)
    metrics, _ = pylon_model.measured(masked=2)
    assert metrics["masked_out_negative"] == 1
    assert np.isnan(metrics["masked_out_macro"])
    assert "masked_out_never" not in metrics


def test_a_set_without_boxes_has_logits_alone(cam):
    empty = replace(
        cam.images,
        boxes=tuple(boxes[:0] for boxes in cam.images.boxes),
        box_classes=tuple(kinds[:0] for kinds in cam.images.box_classes),
    )
    metrics, arrays = cam.measured(images=empty)
    assert {name.partition("/")[0] for name in metrics} == {"auroc_macro", "auroc_weighted", "auroc"}
    assert list(arrays) == ["test_logits"]


def test_grad_cam_is_cam_less_its_bias_over_the_number_of_cells_and_points_at_the_same_pixel(cam):
    metrics, arrays = cam.measured()
    assert arrays["grad_cam.points_apart"] == 0
    assert np.array_equal(arrays["hits"], arrays["grad_cam.hits"])
    for name in ("point_macro", "point_weighted", *(f"point/{kind}" for kind in CLASSES)):
        assert metrics[f"grad_cam.{name}"] == metrics[name]
    _, maps = cam.outputs
    found = measures._cams(cam.staged, cam.inputs, cam.rows["test"], "cpu")["grad_cam"]
    bias = cam.staged.model.decoder.head.bias.detach()[:, None, None]
    torch.testing.assert_close(found, (maps - bias) / maps[0, 0].numel(), rtol=1e-3, atol=1e-5)
    features = cam.staged.features(cam.inputs.batch(cam.rows["test"], "cpu"))
    decoder = cam.staged.model.decoder
    _, G = head_gradients(lambda a: decoder([*features[:-1], a]).logits, features[-1], "all")
    torch.testing.assert_close(found, grad_cam(features[-1], G).detach(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 5, 3, 4), (2, 3, 5, 3, 4)], ids=["one class", "all classes"])
def test_signed_grad_cam_pp_is_the_sum_of_alpha_times_the_gradient(shape):
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(2, 5, 3, 4, generator=generator, dtype=torch.float64)
    G = torch.randn(shape, generator=generator, dtype=torch.float64)
    G[..., 0, 0] = 0
    beside = A[:, None] if G.ndim == 5 else A
    denominator = 2 * G**2 + G**3 * beside.sum((-2, -1), keepdim=True)
    alpha = torch.where(G == 0, 0, G**2 / torch.where(G == 0, 1, denominator))
    weights = (alpha * G).sum((-2, -1))
    torch.testing.assert_close(grad_cam_pp_signed(A, G), (weights[..., None, None] * beside).sum(-3))


def test_pairs_are_spread_over_the_classes():
    pairs = np.array([[0, 0], [1, 0], [1, 2], [2, 0], [3, 1], [4, 2]])
    assert measures._spread(pairs, 4).tolist() == [[0, 0], [1, 2], [3, 1], [1, 0]]
    assert measures._spread(pairs, 99).tolist() == [[0, 0], [1, 2], [3, 1], [1, 0], [4, 2], [2, 0]]
    assert len(measures._spread(pairs[:0], 4)) == 0
