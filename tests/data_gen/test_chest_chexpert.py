"""CheXpert's layout: labels are draws of a known probability of what is painted, patients are apart."""

import csv

import numpy as np
import pytest
from scipy.integrate import quad

from data_gen.chest_chexpert import (
    LABELS,
    ChexpertSpec,
    describe,
    doubts,
    draw,
    draw_written,
    patient_of,
    probabilities,
    write,
)
from data_gen.chest_findings import Finding, Place
from papers_lib.datasets.chexpert import load_chexpert

SPEC = ChexpertSpec(train=12, valid=10, seed=3, side=64)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("chexpert") / "set", SPEC)


def table(path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def drawn(spec=SPEC):
    return [draw(spec, split, index) for split in ("train", "valid") for index in range(getattr(spec, split))]


def test_the_reader_finds_what_was_drawn(root) -> None:
    data = load_chexpert(root, uncertain="ones")
    entries = [entry for _, entry in drawn()]
    assert data.names == tuple(entry.path for entry in entries)
    for row, entry in enumerate(entries):
        expected = [abs(value) == 1 for value in entry.written]
        assert data.labels[row].tolist() == expected
        assert [data.classes[k] for k in data.box_classes[row]] == [name for name, _ in entry.boxes]
        for read, (_, box) in zip(data.boxes[row], entry.boxes, strict=True):
            assert read == pytest.approx(box, abs=1e-5)
    assert set(data.split[:12]) == {"train"}
    assert set(data.split[12:]) == {"val", "test"}


def test_valid_has_the_labels_as_drawn_and_truth_has_all(root) -> None:
    truth = {row["Path"]: row for row in table(root / "truth.csv")}
    assert len(truth) == 22
    for row in table(root / "valid.csv"):
        assert [row[name] for name in LABELS] == [truth[row["Path"]][name] for name in LABELS]
    written = {"1.0": "1.0", "0.0": "0.0", "": "0.0"}
    values = set()
    for row in table(root / "train.csv"):
        for name in LABELS:
            values.add(row[name])
            assert row[name] == "-1.0" or written[row[name]] == truth[row["Path"]][name]
    assert values == {"1.0", "0.0", "-1.0", ""}


def test_probabilities_are_those_of_what_is_painted() -> None:
    shown = 0
    for index in range(12):
        _, entry = draw(SPEC, "train", index)
        findings = describe(SPEC, "train", *patient_of(SPEC, "train", index))[1].radiograph.findings
        assert entry.probability == tuple(probabilities(findings))
        absent = [name for name, one in LABELS.items() if one.kind not in {one.kind for one in findings}]
        assert not {name for name, _ in entry.boxes} & set(absent)
        for name in absent:
            assert entry.probability[list(LABELS).index(name)] == LABELS[name].absent
        shown += len(entry.boxes)
    assert shown >= 5


NAMES = tuple(LABELS)


# Irvin et al. 2019, Table 1: shares of uncertain studies, and of positive ones (Pleural Effusion cut to .30).
UNCERTAIN = dict(zip(NAMES, (0.1566, 0.0352, 0.1278, 0.0617, 0.0502), strict=True))


AIMED = dict(zip(NAMES, (0.15, 0.12, 0.07, 0.23, 0.30), strict=True))


def finding(name: str, severity: float) -> Finding:
    return Finding(LABELS[name].kind, severity, Place(1, 0.5, 0.5), 0)


def curve(name: str, severity: float) -> float:
    return float(probabilities([finding(name, severity)])[NAMES.index(name)])


@pytest.mark.parametrize("name", NAMES)
def test_shares_of_labels_are_those_aimed_at(name: str) -> None:
    one, at = LABELS[name], NAMES.index(name)
    positive = (1 - one.shown) * one.absent + one.shown * quad(lambda s: curve(name, s), 0, 1)[0]
    assert positive == pytest.approx(AIMED[name], abs=0.003)
    assert one.shown == pytest.approx(1.6 * AIMED[name], abs=0.005)

    def doubt(probability: float) -> float:
        return float(doubts(np.full(5, probability))[at])

    uncertain = quad(lambda s: doubt(curve(name, s)), 0, 1, limit=200)[0]
    share = (1 - one.shown) * doubt(one.absent) + one.shown * uncertain
    assert share == pytest.approx(UNCERTAIN[name], abs=0.001)


def test_uncertain_labels_are_independent_of_the_label_given_the_probability() -> None:
    generator = np.random.default_rng(1)
    probability = np.full(5, 0.3)
    truth = generator.random((6000, 5)) < probability
    written = np.array([draw_written(generator, probability, one) for one in truth])
    uncertain = written == -1
    assert uncertain.mean(0) == pytest.approx(doubts(probability), abs=0.03)
    for k in range(5):
        assert uncertain[truth[:, k], k].mean() == pytest.approx(uncertain[~truth[:, k], k].mean(), abs=0.05)
    assert truth[written == 1].all()
    assert not truth[(written == 0) | np.isnan(written)].any()
    stated, blank = (written == 0).sum(0), np.isnan(written).sum(0)
    expected = [one.negative for one in LABELS.values()]
    assert stated / (stated + blank) == pytest.approx(expected, abs=0.05)
