"""Which runs stand for a setting, in words and colours."""

import pandas as pd
import pytest
from papers_lib.plots import PALETTE

from sibnet_calibration.settings import (
    NAMES,
    TINTS,
    family,
    models,
    name,
    of_seed,
    rows_of,
    tints,
)
from tests.notebooks.sibnet_calibration.runs import Runs
from tests.notebooks.sibnet_calibration.sets import opened, swept


@pytest.fixture
def sweep(tmp_path):
    runs = Runs(tmp_path)
    return swept(
        opened(),
        runs.record(arm="mimo", train_from="", seed=0),
        runs.record(arm="losses", seed=0, status="diverged"),
        runs.record(arm="losses", seed=1),
        runs.record(arm="losses", seed=2),
        runs.record(arm="losses", loss="focal", seed=0),
    )


def test_a_setting_is_that_of_the_first_arm_that_has_it(sweep):
    found = models(sweep, ["bce", "focal", "auc_pesg"])
    assert {setting: [(r.config.arm, r.config.seed) for r in own] for setting, own in found.items()} == {
        "bce": [("losses", 1), ("losses", 2)],
        "focal": [("losses", 0)],
    }
    assert [record.config.arm for record in models(sweep, ["bce"], ["mimo"])["bce"]] == ["mimo"]


def test_a_failed_seed_is_not_replaced(sweep):
    assert list(of_seed(sweep, ["bce", "focal"])) == ["focal"]
    assert of_seed(sweep, ["bce"], 2)["bce"].config.seed == 2


def frame_of(*rows):
    columns = ["status", "arm", "setting", "backbone", "weights", "data"]
    return pd.DataFrame(rows, columns=columns)


def test_rows_name_the_encoder_only_where_there_are_several():
    one = frame_of(
        ("ok", "losses", "bce", "lite0", "packaged", "first"),
        ("ok", "losses", "bce", "lite0", "packaged", "rare"),
        ("diverged", "losses", "focal", "lite0", "packaged", "first"),
    )
    assert [(words, len(group)) for words, group in rows_of(one, ["losses"])] == [("cross entropy", 1)]
    several = frame_of(
        ("ok", "backbones", "bce", "lite2", "packaged", "first"),
        ("ok", "backbones", "bce", "lite0", "random", "first"),
    )
    assert [words for words, _ in rows_of(several, ["backbones"])] == [
        "cross entropy, lite2, packaged weights",
        "cross entropy, lite0, random weights",
    ]


def test_every_setting_has_a_name_of_its_own_and_an_unknown_one_keeps_its_words():
    assert len(set(NAMES.values())) == len(NAMES)
    assert name("mimo_4") == "MIMO, 4 inputs"
    assert name("focal_new") == "focal new"


def test_settings_keep_their_colour():
    assert tints(["focal", "bce"])["bce"] == tints(["auc_pesg", "bce"])["bce"] == PALETTE["baseline"]
    assert tints(["wbce", "cd_two_stage"])["wbce"] == PALETTE["baseline"]
    assert len(set(tints(["bce", "wbce", "focal", "auc_pesg"]).values())) == 4
    assert set(TINTS.values()) <= set(PALETTE)


def test_variants_of_a_term_share_a_colour():
    assert family("cd") == family("cd_two_stage") == family("cd_raw_two_stage") == PALETTE["proposed"]
    assert family("sc_published_two_stage") == PALETTE["variant"]
    assert family("wbce") == PALETTE["baseline"]
    assert family("mimo_2") == PALETTE["fourth variant"]
