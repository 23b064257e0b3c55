from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from papers_lib.metrics.calibration import ece
from sibnet_calibration.frame import (
    CALIBRATORS,
    ELSEWHERE,
    NONE,
    calibrated,
    oracle,
    tidy,
)
from sibnet_calibration.sweeps import Swept
from tests.notebooks.sibnet_calibration.runs import Runs

KINDS = len(CALIBRATORS) + len(ELSEWHERE)


def logits(chexpert, part, seed=0):
    """Logits that know something of the labels, too far out on the training part."""
    images = chexpert.images.images.part(part)
    noise = np.random.default_rng(seed).normal(size=images.labels.shape)
    factor = 4.0 if part == "train" else 1.5
    return np.float32(factor * (images.labels - 0.5 + noise))


@pytest.fixture
def swept(chexpert, tmp_path):
    runs = Runs(tmp_path)
    arrays = {f"{part}_logits": logits(chexpert, part) for part in ("train", "val", "test")}
    arrays["contrast_logits"] = arrays["test_logits"][:15] / 4
    metrics = {"auroc_macro": 0.7, "point_macro": 0.2, "setting": "bce", "train_images": 24}
    records = [
        runs.record(metrics, arrays),
        runs.record(status="diverged", seed=1, loss="focal"),
    ]
    return Swept("first", records, chexpert)


def test_a_row_for_each_model_and_calibrator(swept):
    frame = tidy([swept, Swept("rare", [], swept.opened)])
    assert len(frame) == KINDS + 1
    good = frame[frame["status"].eq("ok")].set_index("calibrator")
    assert list(good.index) == [*CALIBRATORS, *ELSEWHERE]
    assert (good["data"] == "first").all()
    assert (good["setting"] == "bce").all()
    assert (good["train_images"] == 24).all()
    for name in ("auroc_macro", "point_macro"):
        assert good[name].notna().tolist() == [True] + [False] * (KINDS - 1)
    assert (
        good[["ece", "ece_mass", "ece_confidence", "brier", "nll_calibrated", "true_ece"]]
        .notna()
        .all(axis=None)
    )
    failed = frame[frame["status"].ne("ok")].iloc[0]
    assert (failed["calibrator"], failed["setting"], failed["seed"]) == (NONE, "focal", 1)
    assert np.isnan([failed["ece"], failed["auroc_macro"]]).all()


def test_scores_by_another_library(swept, chexpert):
    frame = tidy([swept]).set_index("calibrator")
    test = chexpert.images.images.part("test")
    p = 1 / (1 + np.exp(-logits(chexpert, "test").astype(float)))
    row = frame.loc[NONE].iloc[0]
    losses = [log_loss(test.labels[:, k], p[:, k]) for k in range(5)]
    assert row["nll_calibrated"] == pytest.approx(np.mean(losses))
    assert row["bias"] == pytest.approx((p - test.labels).mean())
    assert row["brier"] == pytest.approx(
        np.mean([brier_score_loss(test.labels[:, k], p[:, k]) for k in range(5)])
    )
    per_label = [row[f"ece/{name}"] for name in test.classes]
    assert row["ece"] == pytest.approx(np.mean(per_label))
    edges = np.minimum((p[:, 0] * 15).astype(int), 14)
    gaps = [abs((p[edges == b, 0] - test.labels[edges == b, 0]).sum()) for b in range(15)]
    assert per_label[0] == pytest.approx(sum(gaps) / len(p))


def test_each_calibrator_is_fitted_on_its_own_part(swept, chexpert):
    """A single temperature divides all logits by one number; the best on its part has the least cross-entropy there."""
    plain = torch.logit(calibrated(swept, swept.records[0], NONE).probabilities)
    found = {}
    for name, part in {"one_t": "val", **ELSEWHERE}.items():
        ratio = plain / torch.logit(calibrated(swept, swept.records[0], name).probabilities)
        assert float(ratio.std()) < 1e-3 * float(ratio.mean())
        found[part] = float(ratio.mean())
    for part, temperature in found.items():
        labels = chexpert.images.images.part(part).labels

        def loss(t, part=part, labels=labels):
            z = logits(chexpert, part) / t
            return np.mean(np.logaddexp(0, z) - labels * z)

        assert loss(temperature) <= min(loss(0.97 * temperature), loss(1.03 * temperature)) + 1e-9
    assert found["train"] > found["val"]
    per_label = calibrated(swept, swept.records[0], "label_t").probabilities
    ratio = plain / torch.logit(per_label)
    assert (ratio.std(0) < 1e-3 * ratio.mean(0)).all()
    assert ratio.mean(0).std() > 0.01


def test_images_with_half_their_contrast_are_calibrated_as_the_others_are(swept, chexpert):
    labels = chexpert.images.images.part("test").labels[:15]
    for name in (NONE, "one_t"):
        plain, shifted = (calibrated(swept, swept.records[0], name, seen) for seen in ("test", "contrast"))
        assert np.array_equal(shifted.labels.numpy(), labels)
        torch.testing.assert_close(
            torch.logit(shifted.probabilities),
            torch.logit(plain.probabilities)[:15] / 4,
            rtol=1e-3,
            atol=1e-3,
        )
        expected = float(ece(shifted.probabilities, shifted.labels, bins=15).mean())
        row = tidy([swept]).set_index("calibrator").loc[name]
        row = row.iloc[0] if name == NONE else row
        assert row["ece_contrast"] == pytest.approx(expected)


def test_a_label_that_no_calibration_image_has_is_still_a_row(swept, chexpert):
    images = chexpert.images.images
    labels = np.array(images.labels)
    labels[images.split != "train", 2] = False
    rare = chexpert._replace(images=replace(chexpert.images, images=replace(images, labels=labels)))
    frame = tidy([swept._replace(opened=rare)])
    assert frame.loc[frame["status"].eq("ok"), ["ece", "brier", "nll_calibrated"]].notna().all(axis=None)


def test_monotone_calibrators_keep_the_order(swept, chexpert):
    labels = chexpert.images.images.part("test").labels
    for k in range(5):
        scores = [
            roc_auc_score(labels[:, k], calibrated(swept, swept.records[0], name).probabilities[:, k])
            for name in (NONE, "one_t", "label_t")
        ]
        assert scores[1:] == pytest.approx([scores[0]] * 2)


def test_real_data_has_no_truth(swept, chexpert):
    real = chexpert._replace(images=replace(chexpert.images, truth=np.full((54, 5), np.nan)))
    frame = tidy([swept._replace(opened=real)])
    assert frame["true_ece"].isna().all()
    assert frame["ece"].notna().sum() == KINDS
    assert np.isnan([*oracle(swept._replace(opened=real)).values()]).all()


def test_what_the_probabilities_themselves_would_score(swept, chexpert):
    rows = chexpert.images.images.split == "test"
    truth, labels = chexpert.images.truth[rows], chexpert.images.images.labels[rows]
    found = oracle(swept)
    expected = np.mean([roc_auc_score(labels[:, k], truth[:, k]) for k in range(5)])
    assert found["oracle_auroc"] == pytest.approx(expected)
    assert 0 <= found["oracle_ece"] < 0.5


def test_nothing_to_show_is_an_error_and_failures_alone_are_a_table(swept):
    with pytest.raises(ValueError, match="sweeps: expected at least one record"):
        tidy([swept._replace(records=[])])
    frame = tidy([swept._replace(records=swept.records[1:])])
    assert frame["status"].tolist() == ["diverged"]
    assert frame["calibrator"].tolist() == [NONE]
