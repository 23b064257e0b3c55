"""Malformed input, once a kind: one ValueError that names the argument, what was expected and what was found."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from papers_lib import losses, metrics, stats
from papers_lib.cams import grad_cam, head_gradients
from papers_lib.models.mimo import Mimo, widen_first_convolution

MAPS, MASK, ALL, LABELS = torch.rand(2, 4, 4), torch.ones(2, 4, 4), torch.rand(2, 3, 4, 4), torch.zeros(2, 3)
CLASSES, BOX, SEED = torch.tensor([0, 2]), torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.Generator()
NAN, HALF = torch.tensor([[[math.nan]]]), torch.full((1,), 0.5)
LOSSES: list[tuple[Callable[[], object], str]] = [
    (lambda: losses.heatmap_loss(MAPS, MASK[:1]), r"one shape .* got \(2, 4, 4\) and \(1, 4, 4\)"),
    (lambda: losses.heatmap_loss(MAPS[:0], MASK[:0]), r"not empty, got \(0, 4, 4\)"),
    (lambda: losses.heatmap_loss(MAPS, MASK * 255), "outside: expected values in .* 255"),
    (lambda: losses.heatmap_loss(MAPS, MASK, reduction="max"), "reduction: .* got 'max'"),
    (lambda: losses.sigmoid_mse(LABELS, torch.tensor([0, 3])), r"target: .* in 0\.\.2, got \[0, 3\]"),
    (lambda: losses.cam_sharpness_loss(ALL), "target: expected with maps of all classes"),
    (lambda: losses.cam_sharpness_loss(MAPS, others=0.5), "others: 0.5 needs maps of two classes"),
    (lambda: losses.cam_sharpness_loss(MAPS.long()), "maps: expected floating-point .* torch.int64"),
    (lambda: losses.class_distinctiveness(ALL[:, :1]), "codes: .* two classes or more"),
    (lambda: losses.sample_pairs(3, 2, share=0, generator=SEED), r"share: .* in \(0, 1\], got 0"),
    (lambda: losses.class_distinctiveness_loss(ALL, nn.Flatten()), "size: expected"),
    (lambda: losses.class_distinctiveness_loss(ALL, None, estimator="sampled"), "generator: expected"),
    (lambda: losses.class_distinctiveness_loss(ALL, torch.relu, size=(4, 4), through="maps"), "nn.Module"),
    (lambda: losses.spatial_coherence(MAPS, window=4), "window: expected an odd number .* got 4"),
    (lambda: losses.focal_loss(LABELS, LABELS - 1), "labels: expected 0 and 1 only, got -1"),
    (lambda: losses.focal_loss(LABELS, LABELS, gamma=math.nan), "gamma: .* got nan"),
    (lambda: losses.weighted_bce(LABELS, LABELS, -torch.ones(3, 2)), "weights: expected finite"),
    (lambda: losses.AucMargin(torch.tensor([0.0])), r"prevalence: .* 0 < p < 1"),
    (lambda: losses.PESG([HALF], losses.AucMargin(HALF, ascend=True)), "loss: ascend=True"),
]
METRICS: list[tuple[Callable[[], object], str]] = [
    (lambda: metrics.ece(LABELS[0], LABELS[0]), r"probabilities and labels \(N, K\), got \(3,\)"),
    (lambda: metrics.ece(LABELS - 3, LABELS), r"probabilities: .* within \[0, 1\], 6 of 6"),
    (lambda: metrics.ece(LABELS, LABELS, bins=0), "bins: expected at least 1, got 0"),
    (lambda: metrics.top_label_ece(LABELS + 0.9, CLASSES), "rows that sum to 1"),
    (lambda: metrics.fit_platt(LABELS, LABELS).probabilities(LABELS[:, :1]), r"\(N, 3\) .* got \(2, 1\)"),
    (lambda: metrics.auroc(LABELS, LABELS), "no class has both a positive and a negative image"),
    (lambda: metrics.best_gmean_thresholds(LABELS, LABELS), "class 0 has 0 positives among 2 images"),
    (lambda: metrics.heat_share(MAPS, MASK * 255), r"mask: expected values in \[0, 1\], got 255.0"),
    (lambda: metrics.point_hits(NAN, [BOX], (4, 4)), "map 0 holds NaN or infinity"),
    (lambda: metrics.chance([BOX[:0]], (4, 4)), "no image has a box of the class"),
    (lambda: metrics.heatmap_iou(MAPS, [BOX], (4, 4), 0.0), r"B box tensors, got \(2, 4, 4\) and 1"),
    (lambda: metrics.deletion_curve(lambda x: x, ALL, NAN.expand(2, 1, 1), [0, 1]), "NaN or infinity"),
    (lambda: metrics.deletion_curve(lambda x: x, ALL, MAPS, [0.5, 0.2]), "shares: expected increasing"),
    (lambda: metrics.masked_out(nn.Flatten(), ALL, MAPS, CLASSES * 0, HALF), "model: expected eval mode"),
    (lambda: metrics.cam_entropy(MAPS, "abs"), "form: .* got 'abs'"),
    (lambda: metrics.normalized_cam_entropy(NAN), "expected two cells or more"),
]
OTHERS: list[tuple[Callable[[], object], str]] = [
    (lambda: grad_cam(ALL, torch.zeros(1, 3)), r"got \(2, 3, 4, 4\) and \(1, 3\)"),
    (lambda: head_gradients(nn.Identity(), ALL, "all"), r"logits: expected shape \(2, K\)"),
    (lambda: head_gradients(lambda a: LABELS, ALL, "all"), "logits do not depend on the activations"),
    (lambda: head_gradients(lambda a: a.sum((2, 3)), ALL, "best"), "target: .* got 'best'"),
    (lambda: Mimo(nn.Identity(), 2, 1)(ALL), r"images: expected shape \(B, 2, C, H, W\)"),
    (lambda: widen_first_convolution(nn.Linear(2, 2), 2), "expected a first Conv2d"),
    (lambda: stats.student_t([1, math.nan]), "1 of 2 values are not finite"),
    (lambda: stats.paired_t([1, 2, 3], [1, 2]), "3 and 2"),
    (lambda: stats.tost([1, 2], [1, 3], margin=0), "margin: .* got 0"),
    (lambda: stats.holm([0.5, 1.5]), "from 0 to 1"),
    (lambda: stats.wilson(3, 2), "wilson: expected"),
    (lambda: stats.mann_whitney([1, 2], [1, 2], "auto"), "method: .* got 'auto'"),
    (lambda: stats.mann_whitney_from_u(2.5, 3, 3), "ties"),
    (lambda: stats.models_per_group(0.5), "prob_superior: .* got 0.5"),
]


@pytest.mark.parametrize(("call", "words"), [*LOSSES, *METRICS, *OTHERS])
def test_it_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
