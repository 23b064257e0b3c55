from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest
import torch

from papers_lib.cams import grad_cam, head_gradients
from papers_lib.metrics.classification import auroc
from papers_lib.metrics.heatmap_iou import heatmap_iou
from papers_lib.metrics.localization import point_hits, point_localization
from pylon import experiment as pylon
from pylon import measures as pylon_measures
from pylon.measures import grad_cam_pp_signed, measure, predict
from tests.notebooks.pylon.stores import CLASSES, RUN, SIDE, TEST, TRAIN, VAL, context, write_store

SIZE = (SIDE, SIDE)


class Trained:
    """A model as it comes out of a run, and all that it was measured on."""

    def __init__(self, store, checkpoint, config):
        patch = pytest.MonkeyPatch()
        patch.setattr(pylon, "measure", self.keep)
        self.config = config
        pylon.run(config, context(store, checkpoint))
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

    def maps(self):
        """Of all test images, boxed or not."""
        return predict(self.staged, self.inputs, self.rows["test"], "cpu", with_maps=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    torch.set_num_threads(1)
    return write_store(tmp_path_factory.mktemp("measures") / "images")


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


def relabelled(trained, rows, labels):
    found = trained.images.labels.copy()
    found[rows] = labels
    return replace(trained.images, labels=found)


def same(a, b):
    return {k: v for k, v in a.items() if v == v} == {k: v for k, v in b.items() if v == v}


def test_points_are_those_of_all_test_images_at_once(trained):
    metrics, arrays = trained.measured()
    _, maps = trained.maps()
    test = trained.images.part("test")
    hits = [point_hits(maps[:, k], test.of_class(k, SIZE), SIZE) for k in range(len(CLASSES))]
    expected = point_localization(hits)
    assert metrics["point_macro"] == expected.macro
    assert metrics["point_weighted"] == expected.weighted
    assert [metrics[f"point/{name}"] for name in CLASSES] == expected.per_class.tolist()
    pairs, found = arrays["pairs"], arrays["hits"]
    assert len(pairs) == len(found) == int(expected.images.sum())
    for (row, k), hit in zip(pairs, found, strict=True):
        place = int(np.flatnonzero(trained.rows["test"] == row)[0])
        assert hits[k].counted[place]
        assert hits[k].hit[place] == hit


def test_area_under_the_curve_is_of_every_test_image_boxed_or_not(trained):
    metrics, arrays = trained.measured()
    logits, _ = trained.maps()
    expected = auroc(logits, torch.from_numpy(trained.images.part("test").labels))
    assert metrics["auroc_macro"] == expected.macro
    assert [metrics[f"auroc/{name}"] for name in CLASSES] == expected.per_class.tolist()
    assert np.array_equal(arrays["test_logits"], logits.numpy())


def test_iou_has_the_thresholds_of_the_validation_part(trained):
    metrics, _ = trained.measured()
    limits = pylon_measures._thresholds(
        trained.staged, trained.inputs, trained.images, trained.rows["val"], "cpu"
    )
    _, maps = trained.maps()
    test = trained.images.part("test")
    boxed = [place for place, boxes in enumerate(test.boxes) if len(boxes)]
    for k, name in enumerate(CLASSES):
        boxes = test.take(boxed).of_class(k, SIZE)
        found = heatmap_iou(maps[boxed, k], boxes, SIZE, float(limits[k]))
        assert metrics[f"iou/{name}"] == pytest.approx(float(found.iou[found.counted].mean()))


def test_no_test_label_moves_a_threshold(trained):
    """Areas and IoU hang on thresholds, maps and boxes; only AUROC looks at the labels of the test part."""
    before, _ = trained.measured()
    other = relabelled(trained, trained.rows["test"], ~trained.images.labels[trained.rows["test"]])
    after, _ = trained.measured(images=other)
    kept = lambda found: {k: v for k, v in found.items() if not k.startswith("auroc")}  # noqa: E731
    assert same(kept(before), kept(after))
    assert before["auroc_macro"] == pytest.approx(1 - after["auroc_macro"])
    swapped = relabelled(trained, trained.rows["val"], ~trained.images.labels[trained.rows["val"]])
    limits = [
        pylon_measures._thresholds(trained.staged, trained.inputs, images, trained.rows["val"], "cpu")
        for images in (trained.images, other, swapped)
    ]
    assert torch.equal(limits[0], limits[1])
    assert not torch.equal(limits[0], limits[2])


def test_a_class_that_the_validation_part_lacks_has_no_iou_and_no_masked_out_area(trained):
    labels = trained.images.labels[trained.rows["val"]].copy()
    labels[:, 1] = False
    metrics, _ = trained.measured(images=relabelled(trained, trained.rows["val"], labels))
    assert f"iou/{CLASSES[1]}" not in metrics
    assert 0 <= metrics["iou_macro"] <= 1
    assert 0 <= metrics["masked_out_macro"] <= 1
    assert f"point/{CLASSES[1]}" in metrics


def test_without_any_threshold_the_rest_is_measured(pylon_model):
    images = relabelled(pylon_model, pylon_model.rows["val"], False)
    metrics, _ = pylon_model.measured(images=images)
    assert 0 <= metrics["point_macro"] <= 1


def test_masked_out_area_is_finite(trained):
    metrics, _ = trained.measured()
    for name in ("macro", "weighted", "negative", "never"):
        assert 0 <= metrics[f"masked_out_{name}"] <= 1, name
    assert metrics["masked_out_passes"] <= metrics["masked_out_all_passes"] == 201
    assert metrics["masked_out_calls"] >= metrics["masked_out_passes"]  # two pairs side by side
    assert metrics["masked_out_calls"] <= 2 * metrics["masked_out_passes"]


def test_a_set_without_boxes_has_logits_alone(cam):
    empty = replace(
        cam.images,
        boxes=tuple(boxes[:0] for boxes in cam.images.boxes),
        box_classes=tuple(kinds[:0] for kinds in cam.images.box_classes),
    )
    metrics, arrays = cam.measured(images=empty)
    assert {name.partition("/")[0] for name in metrics} == {"auroc_macro", "auroc_weighted", "auroc"}
    assert list(arrays) == ["test_logits"]


def test_grad_cam_and_the_baseline_point_at_the_same_pixel_in_every_image(cam):
    metrics, arrays = cam.measured()
    assert arrays["grad_cam.points_apart"] == 0
    assert np.array_equal(arrays["hits"], arrays["grad_cam.hits"])
    for name in ("point_macro", "point_weighted", *(f"point/{kind}" for kind in CLASSES)):
        assert metrics[f"grad_cam.{name}"] == metrics[name]
    _, maps = cam.maps()
    own = pylon_measures._cams(cam.staged, cam.inputs, cam.rows["test"], "cpu")
    everywhere = [torch.tensor([[0.0, 0.0, SIDE, SIDE]])] * TEST  # a box, so that no image is left out
    for k in range(len(CLASSES)):
        points = [point_hits(found[:, k], everywhere, SIZE).point for found in (maps, own["grad_cam"])]
        assert torch.equal(*points)
        assert (points[0] >= 0).all()  # no map is constant


def test_points_of_other_maps_are_counted_apart(cam):
    _, maps = cam.maps()
    test = cam.images.part("test")
    pairs = sum(len(np.unique(kinds)) for kinds in test.box_classes)
    assert pylon_measures._points_apart(maps, maps, test, SIDE) == 0
    assert 0 < pylon_measures._points_apart(maps, -maps, test, SIDE) <= pairs


def test_grad_cam_is_cam_less_its_bias_over_the_number_of_cells(cam):
    _, maps = cam.maps()
    found = pylon_measures._cams(cam.staged, cam.inputs, cam.rows["test"], "cpu")["grad_cam"]
    bias = cam.staged.model.decoder.head.bias.detach()[:, None, None]
    torch.testing.assert_close(found, (maps - bias) / maps[0, 0].numel(), rtol=1e-4, atol=1e-6)


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
    expected = (weights[..., None, None] * beside).sum(-3)
    found = grad_cam_pp_signed(A, G)
    torch.testing.assert_close(found, expected)
    assert (
        expected - (alpha * G.relu()).sum((-2, -1))[..., None, None].mul(beside).sum(-3)
    ).abs().max() > 0.1


def test_maps_of_the_baseline_are_those_of_its_whole_decoder(cam):
    """The gradient through the global maximum, from the features under the head."""
    given = cam.inputs.batch(cam.rows["test"], "cpu")
    features = cam.staged.later(given)
    decoder = cam.staged.model.decoder
    logits, G = head_gradients(lambda a: decoder([*features[:-1], a]).logits, features[-1], "all")
    expected = grad_cam(features[-1], G).detach()
    found = pylon_measures._cams(cam.staged, cam.inputs, cam.rows["test"], "cpu")["grad_cam"]
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(logits.detach(), cam.maps()[0])


def test_images_shown_are_the_next_of_each_class_in_turn(trained):
    _, arrays = trained.measured()
    shown = arrays["shown"]
    assert len(set(shown.tolist())) == len(shown) <= pylon_measures.SHOWN
    assert arrays["shown_maps"].shape[:2] == (len(shown), len(CLASSES))
    firsts = [
        next(r for r in trained.rows["test"] if k in trained.images.box_classes[r])
        for k in range(len(CLASSES))
    ]
    assert shown[: len(set(firsts))].tolist() == list(dict.fromkeys(firsts))
    _, maps = trained.maps()
    np.testing.assert_allclose(arrays["shown_maps"][0], maps[shown[0] - TRAIN - VAL], rtol=2e-3, atol=1e-3)


def test_pairs_are_spread_over_the_classes():
    pairs = np.array([[0, 0], [1, 0], [1, 2], [2, 0], [3, 1], [4, 2]])
    assert pylon_measures._spread(pairs, 4).tolist() == [[0, 0], [1, 2], [3, 1], [1, 0]]
    assert pylon_measures._spread(pairs, 99).tolist() == [[0, 0], [1, 2], [3, 1], [1, 0], [4, 2], [2, 0]]


def test_prediction_in_parts_is_that_at_once(trained, monkeypatch):
    rows = trained.rows["train"]
    whole = predict(trained.staged, trained.inputs, rows, "cpu", with_maps=True)
    monkeypatch.setattr(pylon_measures, "BATCH", 10)
    parts = predict(trained.staged, trained.inputs, rows, "cpu", with_maps=True)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert predict(trained.staged, trained.inputs, rows, "cpu")[1] is None


def test_pairs_that_are_negative_from_the_start_have_no_area(trained, monkeypatch):
    """Such pairs are counted and left out; where all are, there is no mean."""
    never = torch.full((len(CLASSES),), 1e9)
    monkeypatch.setattr(pylon_measures, "_thresholds", lambda *_: never)
    metrics, _ = trained.measured(masked=2)
    assert metrics["masked_out_negative"] == 1
    assert np.isnan(metrics["masked_out_macro"])
    assert "masked_out_never" not in metrics
