"""Every paper's small work is a sweep that ends with a result, on the data that the notebook's parameters say."""

import pytest

from benchmarks.small_works import WORKS
from papers_lib.companion.paths import repo_root, slugs
from papers_lib.companion.profiles import resolve
from papers_lib.sweep.core import sweep
from papers_lib.sweep.records import STORED

SMALL = {
    "heatmap_loss": {"train_slices": 16, "val_slices": 8, "test_slices": 8, "epochs": 1},
    "cam_entropy": {"train_scenes": 6, "test_scenes": 4, "side": 64, "scene_side": 96},
    "pylon": {"train_images": 20, "test_images": 12, "side": 32},
    "sibnet_calibration": {"train_images": 48, "valid_images": 42, "picture_side": 64, "side": 32},
}


def test_every_paper_has_one():
    assert set(WORKS) == {slug for slug in slugs(repo_root()) if slug in WORKS} == set(SMALL)


@pytest.mark.parametrize("slug", WORKS)
def test_a_model_ends_with_a_result(slug, tmp_path, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # features in this process
    given = resolve(repo_root(), slug, "smoke") | SMALL[slug]
    work = WORKS[slug](given, tmp_path / "data", "cpu")
    (record,) = sweep(work.run, [work.config], data=work.data, cache=tmp_path / "cache", jobs=1)
    assert record.status in STORED, record.reason  # a model this small may collapse
    assert record.config.seed == 0
    counted = next(str(count) for count in SMALL[slug].values())
    assert counted in work.size
    assert str(work.config.epochs) in work.size
