"""AUROC against a count of pairs and sklearn; classes that have none."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from papers_lib.metrics.classification import GmeanThresholds, auroc, best_gmean_thresholds


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=25).filter(
        lambda rows: len({label for _, label in rows}) == 2
    )
)
def test_is_the_share_of_pairs_in_order(rows):
    scores, positive = (torch.tensor(values)[:, None] for values in zip(*rows, strict=True))
    yes = [score for score, label in rows if label]
    no = [score for score, label in rows if not label]
    in_order = sum((a > b) + 0.5 * (a == b) for a in yes for b in no)
    found = auroc(scores.float(), positive)
    assert found.per_class.item() == pytest.approx(in_order / (len(yes) * len(no)), abs=1e-12)
    assert found.per_class.item() == pytest.approx(roc_auc_score(positive[:, 0], scores[:, 0]), abs=1e-12)
    assert auroc(-scores.float(), positive).per_class.item() == pytest.approx(1 - found.per_class.item())


def test_means_agree_with_sklearn():
    generator = torch.Generator().manual_seed(0)
    positive = torch.rand(300, 6, generator=generator) < torch.tensor([0.5, 0.3, 0.1, 0.03, 0.9, 0.2])
    scores = (torch.randn(300, 6, generator=generator) + positive).mul(4).round()  # with ties
    found = auroc(scores, positive)
    assert found.per_class.tolist() == pytest.approx(roc_auc_score(positive, scores, average=None), abs=1e-12)
    assert found.macro == pytest.approx(roc_auc_score(positive, scores, average="macro"), abs=1e-12)
    assert found.weighted == pytest.approx(roc_auc_score(positive, scores, average="weighted"), abs=1e-12)
    order = torch.randperm(300, generator=generator)
    torch.testing.assert_close(auroc(scores[order], positive[order]).per_class, found.per_class)


def test_classes_without_a_value_are_left_out():
    """Class 1 has no positive, class 2 no negative: the means are those of classes 0 (1 of 2 pairs) and 3 (all)."""
    scores = torch.tensor([[1.0, 1, 1, 3], [2, 2, 2, 2], [3, 3, 3, 1]])
    positive = torch.tensor([[0, 0, 1, 1], [1, 0, 1, 1], [0, 0, 1, 0]])
    found = auroc(scores, positive)
    torch.testing.assert_close(
        found.per_class, torch.tensor([0.5, torch.nan, torch.nan, 1.0]).double(), equal_nan=True
    )
    assert found.counts.tolist() == [1, 0, 3, 2]
    assert (found.macro, found.weighted) == (0.75, pytest.approx(2.5 / 3))


def test_infinite_scores_are_ordered():
    assert auroc(column(-math.inf, math.inf, 0.0), column(0, 1, 1)).macro == 1.0
    assert auroc(column(math.inf, math.inf), column(0, 1)).macro == 0.5


def best_gmean_threshold(scores: torch.Tensor, positive: torch.Tensor) -> GmeanThresholds:
    """Of one class, scalars."""
    return GmeanThresholds(*(value[0] for value in best_gmean_thresholds(scores[:, None], positive[:, None])))


@given(
    st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=30).filter(
        lambda rows: len({label for _, label in rows}) == 2
    )
)
def test_is_the_best_of_all_cuts_and_agrees_with_sklearn(rows):
    scores, positive = (torch.tensor(column) for column in zip(*rows, strict=True))
    best = best_gmean_threshold(scores.float(), positive)

    def product(cut: float) -> int:
        hits = sum(score > cut for score, label in rows if label)
        return hits * sum(score <= cut for score, label in rows if not label)

    cuts = [value + 0.5 for value in range(-5, 5)]
    count = int(positive.sum())
    assert product(best.threshold.item()) == max(map(product, cuts))
    assert best.gmean.item() == pytest.approx(
        math.sqrt(max(map(product, cuts)) / count / (len(rows) - count))
    )
    # sklearn's curve starts at the highest cut, and argmax takes the first of equal ones
    false, true, _ = roc_curve(positive.numpy(), scores.numpy(), drop_intermediate=False)
    at = int(np.argmax(np.round(true * (1 - false), 12)))
    assert (best.sensitivity.item(), best.specificity.item()) == pytest.approx((true[at], 1 - false[at]))


def test_a_class_with_one_label():
    scores, positive = torch.rand(3, 3), torch.tensor([[0, 1, 1], [1, 1, 0], [0, 1, 0]])
    with pytest.raises(ValueError, match="class 1 has 3 positives among 3 images"):
        best_gmean_thresholds(scores, positive)
    with pytest.raises(ValueError, match="class 0 has 0 positives among 2 images"):
        best_gmean_threshold(torch.rand(2), torch.zeros(2))
    found = best_gmean_thresholds(scores, positive, undefined="nan")
    assert [value.isnan().tolist() for value in found] == [[False, True, False]] * 4
    assert best_gmean_thresholds(scores[:0], positive[:0], undefined="nan").threshold.isnan().all()
