"""AUROC against a count of pairs and sklearn; classes that have none; rates by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from papers_lib.metrics.classification import auroc, doubled_midranks, rates


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
    assert found.per_class.item() == in_order / (len(yes) * len(no))
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
    assert torch.equal(auroc(scores[order], positive[order]).per_class, found.per_class)


def test_classes_without_a_value_are_left_out():
    """Class 1 has no positive, class 2 no negative: the means are those of classes 0 (1 of 2 pairs) and 3 (all)."""
    scores = torch.tensor([[1.0, 1, 1, 3], [2, 2, 2, 2], [3, 3, 3, 1]])
    positive = torch.tensor([[0, 0, 1, 1], [1, 0, 1, 1], [0, 0, 1, 0]])
    found = auroc(scores, positive)
    torch.testing.assert_close(
        found.per_class, torch.tensor([0.5, torch.nan, torch.nan, 1.0]).double(), equal_nan=True
    )
    assert found.positives.tolist() == [1, 0, 3, 2]
    assert (found.macro, found.weighted) == (0.75, pytest.approx(2.5 / 3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64])
def test_constant_scores_and_precisions(dtype):
    assert auroc(torch.full((5, 1), 3, dtype=dtype), column(0, 1, 1, 0, 1)).macro == 0.5
    assert auroc(torch.tensor([[1], [2], [3]], dtype=dtype), column(0, 1, 0)).macro == 0.5


def test_infinite_scores_are_ordered():
    assert auroc(column(-math.inf, math.inf, 0.0), column(0, 1, 1)).macro == 1.0
    assert auroc(column(math.inf, math.inf), column(0, 1)).macro == 0.5


def test_many_images_stay_exact():
    """One of 10¹⁰ pairs out of order: a count that float32 cannot hold."""
    n = 200_000
    positive = torch.arange(n).ge(n // 2)[:, None]
    scores = torch.arange(n).double()
    scores[n // 2 - 1], scores[n // 2] = n // 2, n // 2 - 1
    assert auroc(scores[:, None], positive).per_class.item() == 1 - 1 / (n // 2) ** 2


def test_midranks():
    scores = torch.tensor([[3.0, 0.0], [1.0, 0.0], [3.0, 0.0], [2.0, -1.0], [3.0, 5.0]])
    assert doubled_midranks(scores).T.tolist() == [[8, 2, 8, 4, 8], [6, 6, 6, 2, 10]]


def test_rates_by_hand():
    scores = torch.tensor([[0.1, 5.0], [0.2, 5.0], [0.3, 6.0], [0.4, 7.0], [0.5, 8.0]])
    positive = torch.tensor([[0, 1], [1, 1], [0, 1], [1, 1], [1, 1]])
    found = rates(scores, positive, torch.tensor([0.3, 5.0]))
    torch.testing.assert_close(found.sensitivity, torch.tensor([2 / 3, 3 / 5]).double())
    torch.testing.assert_close(found.specificity, torch.tensor([1.0, torch.nan]).double(), equal_nan=True)
    assert rates(scores, 1 - positive, torch.tensor([0.3, 5.0])).sensitivity.isnan().tolist() == [False, True]


@pytest.mark.parametrize(
    ("scores", "positive", "line"),
    [
        (torch.rand(3), torch.ones(3), r"expected scores and labels \(N, K\), got \(3,\) and \(3,\)"),
        (torch.rand(3, 2), torch.ones(3, 1), r"got \(3, 2\) and \(3, 1\)"),
        (column(0.0, torch.nan), column(0, 1), "scores: 1 of 2 are NaN"),
        (column(0.0, 1.0), column(0, torch.nan), "labels: expected 0 and 1 only"),
        (column(0.0, 1.0), column(1, 1), "no class has both a positive and a negative image"),
        (torch.zeros(0, 2), torch.zeros(0, 2), "no class has both"),
    ],
)
def test_bad_input(scores, positive, line):
    with pytest.raises(ValueError, match=line):
        auroc(scores, positive)


def test_bad_thresholds():
    for thresholds in (torch.zeros(2), torch.tensor([torch.nan])):
        with pytest.raises(ValueError, match=r"thresholds: expected shape \(1,\) without NaN"):
            rates(column(0.0, 1.0), column(0, 1), thresholds)
