"""Named numbers of the Sibnet page: by hand and by another library, and there whatever was trained."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from sibnet_calibration import scalars as module
from sibnet_calibration.frame import CALIBRATORS, ELSEWHERE, tidy
from sibnet_calibration.scalars import ensemble, few_images, scalars
from tests.notebooks.sibnet_calibration.frames import frame_of, model
from tests.notebooks.sibnet_calibration.runs import Runs
from tests.notebooks.sibnet_calibration.sets import logits, opened, swept

SIMILAR = {"rank_bce_focal": 0.75, "rank_bce_auc_adam": 0.5, "rank_bce_seeds": 0.25}


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def labels_of(found):
    return found.images.images.part("test").labels


def pair(runs, found, seeds=(0,), **focal):
    """Cross entropy, and a focal loss that differs a little."""
    plain = [runs.record({}, logits(found, seed=seed), seed=seed) for seed in seeds]
    other = [
        runs.record({}, logits(found, seed=7 + seed), loss="focal", seed=seed, **focal) for seed in seeds
    ]
    return [*plain, *other]


def test_means_by_hand():
    frame = frame_of(
        model("bce", auroc_macro=0.5, ece=0.25, after={"platt": {"ece": 0.125}, "one_t_train": {"ece": 1.0}}),
        model("bce", seed=1, auroc_macro=0.75, ece=0.75, after={"platt": {"ece": 0.375}}),
        model("bce", seed=2, status="died"),
        model("cd", "saliency", auroc_macro=0.25),
        model("bce", "mimo", auroc_macro=0.0),
        model("bce", "mapping", data="zeros", auroc_macro=0.0),
    )
    found = scalars(frame, swept(opened()), SIMILAR)
    assert (found["mean_auroc_bce"], found["mean_ece_bce_none"], found["mean_auroc_cd"]) == (0.625, 0.5, 0.25)
    assert (found["mean_ece_bce_platt"], found["mean_ece_bce_one_t_train"]) == (0.25, 1.0)
    assert math.isnan(found["mean_ece_bce_isotonic"])
    assert (found["rank_focal_less_auc"], found["rank_focal_less_seeds"]) == (0.25, 0.5)


def test_two_hundred_images_by_another_bootstrap(runs):
    """One label, so that scikit-learn's area is the macro one; other draws, so that the two agree up to chance."""
    found = opened(1)
    one = swept(found, *pair(runs, found))
    labels = labels_of(found)[:, 0]
    b, a = (record.arrays()["test_logits"][:, 0] for record in one.records)

    def gap(rows):
        return roc_auc_score(labels[rows], a[rows]) - roc_auc_score(labels[rows], b[rows])

    generator = np.random.default_rng(1)
    drawn = np.array([gap(generator.integers(0, 90, 90)) for _ in range(200)])
    given = few_images(one)
    assert given["few_sd"] == pytest.approx(drawn.std(), rel=0.25)
    wrong = (np.sign(drawn) != np.sign(gap(np.arange(90)))).mean()
    assert given["few_wrong"] == pytest.approx(wrong, abs=0.12)


def test_equal_models_are_never_told_apart_wrongly(runs):
    found = opened(2)
    same = [runs.record({}, logits(found), loss=loss) for loss in ("bce", "focal")]
    assert few_images(swept(found, *same)) == {"few_sd": 0, "few_wrong": 0}


def test_the_two_losses_are_compared_from_one_start(runs):
    found = opened(2)
    plain0, plain1, focal0, focal1 = pair(runs, found, (0, 1))
    expected = few_images(swept(found, plain1, focal1))
    assert few_images(swept(found, plain0, plain1, replace(focal0, status="died"), focal1)) == expected
    assert few_images(swept(found, plain0, plain1, focal0, focal1)) != expected
    apart = few_images(swept(found, plain0, focal1))
    assert math.isnan(apart["few_sd"])
    assert math.isnan(apart["few_wrong"])


@pytest.mark.filterwarnings("error")
def test_draws_without_the_only_positive_are_left_out(runs, monkeypatch):
    found = opened(1)
    images = found.images.images
    labels = np.zeros_like(images.labels)
    labels[-1] = True
    rare = found._replace(images=replace(found.images, images=replace(images, labels=labels)))
    one = swept(rare, *pair(runs, found))
    assert 0 < few_images(one)["few_sd"] < 0.5
    monkeypatch.setattr(module, "RESAMPLES", 1)
    assert math.isnan(few_images(one)["few_sd"])  # one draw has no deviation


def test_the_ensemble_averages_probabilities(runs):
    found = opened()
    one = swept(found, *pair(runs, found, (0, 1)), runs.record({}, logits(found, seed=5), arm="mimo"))
    p = np.mean([expit(logits(found, seed=seed)["test_logits"].astype(float)) for seed in (0, 1)], 0)
    labels = labels_of(found)
    given = ensemble(one)
    assert given["ensemble_auroc"] == pytest.approx(roc_auc_score(labels, p, average="macro"))
    bins = np.minimum((p * 15).astype(int), 14)
    gaps = [abs((p - labels)[bins[:, k] == b, k].sum()) for k in range(3) for b in range(15)]
    assert given["ensemble_ece"] == pytest.approx(sum(gaps) / labels.size)
    nll = -np.where(labels, np.log(p), np.log1p(-p)).mean()
    assert given["ensemble_nll"] == pytest.approx(nll)
    assert 0 < given["ensemble_ece_one_t"] < 1
    assert given["ensemble_auroc"] > max(
        roc_auc_score(labels, logits(found, seed=seed)["test_logits"]) for seed in (0, 1)
    )
    others = [runs.record({}, logits(found, seed=seed), arm="mimo", seed=seed) for seed in (0, 1)]
    assert math.isnan(ensemble(swept(found, *others))["ensemble_auroc"])


@pytest.mark.parametrize("known", [True, False])
def test_one_seed_of_eight_classes(runs, known):
    found = opened(8, known=known)
    one = swept(found, *pair(runs, found)[:1], runs.record(status="diverged", loss="focal"))
    given = scalars(tidy([one]), one, {})
    assert math.isnan(given["oracle_auroc"]) == math.isnan(given["oracle_ece"]) == (not known)
    assert np.isnan([given["few_sd"], given["ensemble_auroc"], given["rank_focal_less_auc"]]).all()
    assert 0 < given["mean_ece_bce_one_t"] < 0.5
    assert math.isnan(given["mean_auroc_focal"])


def test_the_same_names_whatever_was_trained(runs):
    found = opened(1)
    few = scalars(frame_of(model("cd", "saliency", status="died")), swept(found), {})
    many = swept(found, *pair(runs, found, (0, 1)))
    assert few.keys() == scalars(tidy([many]), many, SIMILAR).keys()
    assert all(name.isidentifier() for name in few)
    assert {f"mean_ece_auc_pesg_{name}" for name in (*CALIBRATORS, *ELSEWHERE)} <= few.keys()
