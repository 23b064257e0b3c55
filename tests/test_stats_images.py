"""Bootstrap over images: resamples counted by hand, sklearn on the resamples drawn, groups, classes that vanish."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from papers_lib.metrics.localization import PointHits
from papers_lib.stats import UndefinedStatistic
from papers_lib.stats_images import _weighted_auroc, auroc_intervals, localization_intervals


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def hits(hit: list[int], counted: list[int]) -> PointHits:
    return PointHits(torch.tensor(hit).bool(), torch.tensor(counted).bool(), torch.zeros(len(hit), 2).long())


def test_localization_interval_is_that_of_all_resamples():
    """Four images, two hits: the share is binomial(4, 1/2) / 4, whose 10 % and 90 % quantiles are 1/4 and 3/4."""
    found = localization_intervals([hits([1, 1, 0, 0], [1, 1, 1, 1])], rng=rng(), level=0.8)
    every = [np.mean(drawn) for drawn in itertools.product([1, 1, 0, 0], repeat=4)]
    assert np.quantile(every, [0.1, 0.9]).tolist() == [0.25, 0.75]
    for one in (found.per_class[0], found.macro, found.weighted):
        assert (one.estimate, one.low, one.high, one.level) == (0.5, 0.25, 0.75, 0.8)
    assert found.macro.method == "bootstrap over images (percentile, 2000 resamples)"


def test_weighted_auroc_is_that_of_the_repeated_images():
    generator = rng(1)
    scores = generator.integers(0, 6, 30)  # with ties
    positive = generator.integers(0, 2, 30) == 1
    counts = generator.multinomial(30, np.full(30, 1 / 30), size=20)
    expected = [roc_auc_score(np.repeat(positive, row), np.repeat(scores, row)) for row in counts]
    assert _weighted_auroc(scores, positive, counts.astype(float)) == pytest.approx(expected, abs=1e-12)


def test_auroc_intervals_are_quantiles_of_the_metric_on_resamples():
    """The same draws, one resample at a time with sklearn."""
    generator = torch.Generator().manual_seed(0)
    positive = torch.rand(60, 3, generator=generator) < torch.tensor([0.5, 0.3, 0.2])
    scores = torch.randn(60, 3, generator=generator) + positive
    found = auroc_intervals(scores, positive, rng=rng(3), n_resamples=200, level=0.9)
    drawn = rng(3).integers(60, size=(200, 60))
    for average, one in (("macro", found.macro), ("weighted", found.weighted)):
        values = [roc_auc_score(positive[rows], scores[rows], average=average) for rows in drawn]
        assert (one.low, one.high) == pytest.approx(tuple(np.quantile(values, [0.05, 0.95])), abs=1e-12)
        assert one.estimate == pytest.approx(roc_auc_score(positive, scores, average=average), abs=1e-12)
    values = [roc_auc_score(positive[rows, 1], scores[rows, 1]) for rows in drawn]
    assert (found.per_class[1].low, found.per_class[1].high) == pytest.approx(
        tuple(np.quantile(values, [0.05, 0.95])), abs=1e-12
    )


def test_covers_the_truth_about_as_often_as_it_says():
    """Scores N(1, 1) against N(0, 1): the true AUROC is Φ(1/√2) = .7602."""
    generator, positive, inside = torch.Generator().manual_seed(0), torch.arange(120)[:, None] % 2, 0
    for seed in range(100):
        scores = torch.randn(120, 1, generator=generator) + positive
        one = auroc_intervals(scores, positive, rng=rng(seed), n_resamples=200).macro
        inside += one.low <= 0.7602 <= one.high
    assert 88 <= inside <= 99


def test_same_generator_same_intervals_whatever_is_held_at_a_time(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    scores, positive = torch.randn(51, 2, generator=generator), torch.arange(102).reshape(51, 2) % 3 == 0
    first, again, other = (
        auroc_intervals(scores, positive, rng=rng(s), n_resamples=100).macro for s in (0, 0, 1)
    )
    assert first == again
    assert first != other
    monkeypatch.setattr("papers_lib.stats_images.CHUNK", 7 * 51)
    assert auroc_intervals(scores, positive, rng=rng(0), n_resamples=100).macro == first


def test_groups_are_drawn_whole():
    """Ten copies of each image say nothing new: drawn as groups they leave the interval as wide as it was."""
    generator = torch.Generator().manual_seed(0)
    positive = torch.arange(40)[:, None] % 2
    scores = torch.randn(40, 1, generator=generator) + positive
    names = np.array([f"patient {i}" for i in range(40)])
    once = auroc_intervals(scores, positive, rng=rng(), n_resamples=300).macro
    copies = auroc_intervals(
        scores.repeat(10, 1), positive.repeat(10, 1), rng=rng(), n_resamples=300, groups=np.tile(names, 10)
    ).macro
    naive = auroc_intervals(scores.repeat(10, 1), positive.repeat(10, 1), rng=rng(), n_resamples=300).macro
    assert copies.high - copies.low == pytest.approx(once.high - once.low, rel=0.2)
    assert naive.high - naive.low < 0.5 * (once.high - once.low)
    assert "over groups" in copies.method


def test_a_class_without_a_score_has_no_interval_and_does_not_count():
    positive = torch.tensor([[0, 0, 0]] * 10 + [[1, 0, 0]] * 9 + [[1, 0, 1]])
    scores = torch.arange(20.0)[:, None] * torch.tensor([1.0, 1.0, -1.0])
    found = auroc_intervals(scores, positive, rng=rng())
    assert found.per_class[1] is None  # no positive at all
    assert found.per_class[2] is None  # its one positive is absent from 36 % of the resamples
    assert found.per_class[0].estimate == 1.0
    assert found.macro.estimate == 0.5
    # resamples without class 2 leave the mean to class 0 alone
    assert (found.macro.low, found.macro.high) == (pytest.approx(0.5, abs=0.1), 1.0)


def test_no_interval_at_all():
    with pytest.raises(UndefinedStatistic, match="too many resamples"):
        localization_intervals([hits([1, 0, 0, 0], [1, 0, 0, 0])], rng=rng())
    with pytest.raises(ValueError, match="no image has a box of any class"):
        localization_intervals([hits([0], [0])], rng=rng())


def test_bad_input():
    classes, good = [hits([1, 0], [1, 1])], {"rng": rng()}
    for call, line in (
        (lambda: localization_intervals([*classes, hits([1], [1])], **good), "expected the same images"),
        (lambda: localization_intervals(classes, level=1.0, **good), "level"),
        (lambda: localization_intervals(classes, n_resamples=0, **good), "n_resamples: expected at least 1"),
        (lambda: localization_intervals(classes, groups=["a"], **good), "groups: expected one of each of 2"),
    ):
        with pytest.raises(ValueError, match=line):
            call()
