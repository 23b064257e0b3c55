"""Similarities of maps: against scipy, and pairs of models made by hand."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from sibnet_calibration import similarity as module
from sibnet_calibration.similarity import IMAGES, OTHER, SAME, SEEDS, compared, similarity
from tests.notebooks.sibnet_calibration.runs import opened, swept


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_rank_is_scipy_s_and_ties_share_ranks():
    a, b = noise(4, 3, 5, 6).round(1), noise(4, 3, 5, 6, seed=1).round(1)
    pairs = zip(a.reshape(-1, 30), b.reshape(-1, 30), strict=True)
    assert similarity(a, b).rank == pytest.approx(np.mean([spearmanr(x, y).statistic for x, y in pairs]))


def test_maps_without_variation_or_with_an_infinite_cell_do_not_count():
    a, b = np.abs(noise(5, 1, 3, 3)), np.abs(noise(5, 1, 3, 3, seed=1))
    a[0], b[1] = 0, 7
    b[2, 0, 0, 0] = np.inf
    assert similarity(np.float16(a), np.float16(b)).maps == 2
    nothing = similarity(np.zeros((2, 1, 3, 3)), noise(2, 1, 3, 3))
    assert np.isnan([nothing.rank, nothing.agree]).all()
    with pytest.raises(ValueError, match="maps"):
        similarity(noise(2, 3, 4, 4), noise(2, 3, 4, 5))


@pytest.fixture
def models(runs):
    """Focal maps are those of cross entropy, doubled; seeds share nothing; those of "mapping" are not taken."""

    def mapped(seed, factor=1.0, **fields):
        maps = np.float16(factor * noise(6, 3, 4, 4, seed=seed))
        return runs.record({}, {"maps": maps}, seed=seed, **fields)

    records = [mapped(seed) for seed in (2, 0, 1)] + [mapped(seed, 2.0, loss="focal") for seed in range(3)]
    records += [mapped(0, -1.0, loss="wbce", arm="saliency"), mapped(0, -1.0, arm="mapping")]
    records += [runs.record(status="diverged", loss="auc")]
    return swept(opened(), *records)


def test_every_pair_of_models_has_its_kind(models):
    found = compared(models)
    counts = {("bce", "focal", SAME): 3, ("bce", "focal", IMAGES): 3, ("bce", "focal", OTHER): 6}
    counts |= {("bce", "bce", SEEDS): 3, ("focal", "focal", SEEDS): 3}
    counts |= {("bce", "wbce", SAME): 1, ("bce", "wbce", IMAGES): 1}
    assert found.groupby(["a", "b", "kind"]).size().to_dict() == counts
    same = found[found["kind"] == SAME].set_index("b")["rank"]
    assert same["focal"].to_numpy() == pytest.approx(1)
    assert same["wbce"] == pytest.approx(-1)
    first = found[(found["kind"] == IMAGES) & (found["seed_a"] == 0)].iloc[0]  # chance: another image's map
    a, b = (np.float16(factor * noise(6, 3, 4, 4)) for factor in (1, 2))
    assert first["rank"] == similarity(a, b[[3, 4, 5, 0, 1, 2]]).rank


def test_table_and_values_are_means_over_models(models, runs):
    found = compared(models)
    seeds = found[(found["a"] == "bce") & (found["kind"] == SEEDS)]
    table = module.similarity_table(found).set_index(["loss", "beside", "models"])
    assert len(table) == 6  # of the second pair the two yardsticks alone
    row = table.loc[("cross entropy", "cross entropy", SEEDS)]
    assert (row["lowest"], row["highest"]) == (seeds["rank"].min(), seeds["rank"].max())
    assert row["rank correlation"] == pytest.approx(seeds["rank"].mean())
    named = module.similarity_values(found)
    assert named["rank_bce_focal"] == pytest.approx(1)
    assert named["rank_focal_less_seeds"] == pytest.approx(1 - seeds["rank"].mean())
    assert np.isnan(named["rank_focal_less_auc"])
    none = compared(swept(opened(), runs.record({"auroc_macro": 0.5})))
    assert none.empty
    assert module.similarity_table(none).empty
    assert module.similarity_values(none).keys() == named.keys()
