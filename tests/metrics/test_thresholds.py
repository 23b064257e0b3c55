"""G-mean thresholds: every cut tried in plain Python, the ROC curve of sklearn, ties and floats without a middle."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from papers_lib.metrics.classification import GmeanThresholds, best_gmean_thresholds


def best_gmean_threshold(scores: torch.Tensor, positive: torch.Tensor) -> GmeanThresholds:
    """Of one class, scalars."""
    return GmeanThresholds(*(value[0] for value in best_gmean_thresholds(scores[:, None], positive[:, None])))


def test_by_hand():
    best = best_gmean_threshold(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0, 0, 1, 1]))
    assert [value.item() for value in best] == [2.5, 1.0, 1.0, 1.0]
    best = best_gmean_threshold(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), torch.tensor([0, 1, 0, 0, 1]))
    # above 1: 2/2 · 1/3; above 2: 1/2 · 1/3; above 3: 1/2 · 2/3; above 4: 1/2 · 3/3
    assert best.threshold.item() == 4.5
    assert best.gmean.item() == pytest.approx(math.sqrt(0.5))
    assert (best.sensitivity.item(), best.specificity.item()) == (0.5, 1.0)


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
