"""What a model is measured by, against the metrics applied one by one to all test images at once."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest
import torch

from papers_lib.metrics.classification import auroc
from papers_lib.metrics.heatmap_iou import heatmap_iou
from papers_lib.metrics.localization import point_hits, point_localization
from pylon import experiment, measures
from pylon.measures import grad_cam_pp_signed, measure, predict
from tests.notebooks.pylon.stores import CLASSES, RUN, SIDE, context, same

SIZE = (SIDE, SIDE)


class Trained:
    """A model as it comes out of a run, and all that it was measured on."""

    def __init__(self, store, checkpoint, method):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(experiment, "measure", self.keep)
            config = replace(RUN, method=method, epochs=4, masked=2)
            experiment.run(config, context(store, checkpoint))

    def keep(self, staged, inputs, images, rows, device, **options):
        self.staged, self.inputs, self.images, self.rows, self.options = staged, inputs, images, rows, options
        return {}, {}

    def measured(self, images=None, **options):
        options = {**self.options, **options}
        return measure(self.staged, self.inputs, images or self.images, self.rows, "cpu", **options)

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
    return Trained(store, tmp_path_factory.mktemp("run") / "x", "cam")


@pytest.fixture(scope="module", params=["cam", "pylon"])
def trained(request, cam, store, tmp_path_factory):
    return cam if request.param == "cam" else Trained(store, tmp_path_factory.mktemp("run") / "x", "pylon")


def test_hits_and_areas_are_those_of_all_test_images_at_once(trained):
    metrics, arrays = trained.measured()
    logits, maps = trained.outputs
    test = trained.images.part("test")
    hits = [point_hits(maps[:, k], test.of_class(k, SIZE), SIZE) for k in range(len(CLASSES))]
    expected = point_localization(hits)
    assert (metrics["point_macro"], metrics["point_weighted"]) == (expected.macro, expected.weighted)
    assert [metrics[f"point/{name}"] for name in CLASSES] == expected.per_class.tolist()
    assert len(arrays["pairs"]) == len(arrays["hits"]) == int(expected.counts.sum())
    for (row, k), hit in zip(arrays["pairs"], arrays["hits"], strict=True):
        place = int(np.flatnonzero(trained.rows["test"] == row)[0])
        assert hits[k].counted[place]
        assert hits[k].hit[place] == hit
    area = auroc(logits, torch.from_numpy(test.labels))
    assert [metrics[f"auroc/{name}"] for name in CLASSES] == area.per_class.tolist()


def test_iou_has_the_thresholds_of_the_validation_part_and_no_test_label_moves_them(trained, monkeypatch):
    seen, best = [], measures.best_gmean_thresholds
    spied = lambda *a, **b: seen.append(best(*a, **b)) or seen[-1]  # noqa: E731
    monkeypatch.setattr(measures, "best_gmean_thresholds", spied)
    metrics, _ = trained.measured(masked=0)
    _, maps = trained.outputs
    test = trained.images.part("test")
    boxed = [place for place, boxes in enumerate(test.boxes) if len(boxes)]
    for k, name in enumerate(CLASSES):
        boxes = test.take(boxed).of_class(k, SIZE)
        found = heatmap_iou(maps[boxed, k], boxes, SIZE, float(seen[0].threshold[k]))
        assert metrics[f"iou/{name}"] == pytest.approx(float(found.iou[found.counted].mean()))
    labels = ~trained.images.labels[trained.rows["test"]]
    after, _ = trained.measured(images=trained.relabelled("test", labels), masked=0)
    assert same(*({k: v for k, v in one.items() if not k.startswith("auroc")} for one in (metrics, after)))


def test_classes_and_parts_without_labels_or_boxes_have_no_number(cam, monkeypatch):
    labels = cam.images.labels[cam.rows["val"]].copy()
    labels[:, 1] = False
    metrics, _ = cam.measured(images=cam.relabelled("val", labels))
    assert f"iou/{CLASSES[1]}" not in metrics
    assert 0 <= metrics["iou_macro"] <= 1
    without, _ = cam.measured(images=cam.relabelled("val", False))
    assert not [name for name in without if name.startswith(("iou", "masked"))]
    none = {"boxes": tuple(b[:0] for b in cam.images.boxes)}
    none["box_classes"] = tuple(kinds[:0] for kinds in cam.images.box_classes)
    assert list(cam.measured(images=replace(cam.images, **none))[1]) == ["test_logits"]
    best = measures.best_gmean_thresholds
    high = lambda *a, **b: best(*a, **b)._replace(threshold=torch.full((len(CLASSES),), 1e9))  # noqa: E731
    monkeypatch.setattr(measures, "best_gmean_thresholds", high)
    negative, _ = cam.measured()  # every pair is, from the start
    assert negative["masked_out_negative"] == 1
    assert np.isnan(negative["masked_out_macro"])


def test_grad_cam_is_cam_less_its_bias_over_the_number_of_cells_and_points_at_the_same_pixel(cam):
    metrics, arrays = cam.measured()
    assert arrays["grad_cam.points_apart"] == 0
    assert np.array_equal(arrays["hits"], arrays["grad_cam.hits"])
    assert metrics["grad_cam.point_macro"] == metrics["point_macro"]
    _, maps = cam.outputs
    found = measures._cams(cam.staged, cam.inputs, cam.rows["test"], "cpu")["grad_cam"]
    bias = cam.staged.model.decoder.head.bias.detach()[:, None, None]
    torch.testing.assert_close(found, (maps - bias) / maps[0, 0].numel(), rtol=1e-3, atol=1e-5)


def test_signed_grad_cam_pp_is_the_sum_of_alpha_times_the_gradient():
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(2, 1, 5, 3, 4, generator=generator, dtype=torch.float64)
    G = torch.randn(2, 3, 5, 3, 4, generator=generator, dtype=torch.float64)
    G[..., 0, 0] = 0
    denominator = 2 * G**2 + G**3 * A.sum((-2, -1), keepdim=True)
    alpha = torch.where(G == 0, 0, G**2 / torch.where(G == 0, 1, denominator))
    weights = (alpha * G).sum((-2, -1), keepdim=True)
    torch.testing.assert_close(grad_cam_pp_signed(A[:, 0], G), (weights * A).sum(-3))


def test_pairs_are_spread_over_the_classes():
    pairs = np.array([[0, 0], [1, 0], [1, 2], [2, 0], [3, 1], [4, 2]])
    assert measures._spread(pairs, 5).tolist() == [[0, 0], [1, 2], [3, 1], [1, 0], [4, 2]]
