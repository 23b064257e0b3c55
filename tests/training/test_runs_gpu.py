"""A short run of every experiment on a GPU ends where it ends on the CPU, within what ``gpu_tolerances`` states."""

from dataclasses import replace

import pytest
import torch

from cam_entropy import experiment as cam_entropy
from heatmap_loss import experiment as heatmap_loss
from papers_lib.sweep.context import Context
from pylon import experiment as pylon
from sibnet_calibration import experiment as sibnet_calibration
from tests.training.first_steps import ENTROPY, HEATMAP, PYLON, SIBNET
from tests.training.gpu_tolerances import RUN_LOSS, assert_arrays_agree

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture(autouse=True)
def full_float32(monkeypatch):
    """Without TF32, as in ``test_first_steps_gpu``."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture
def ends(tmp_path):
    """Metrics and arrays of a run, on the CPU and on the GPU."""

    def run(module, config, root):
        contexts = [Context(device, root, tmp_path / device) for device in ("cpu", "cuda")]
        return [(module.run(config, context), context.arrays) for context in contexts]

    return run


def test_heatmap_loss(ends, slices):
    """Of the frozen group, which learns enough in so few steps not to count as collapsed."""
    config = replace(
        HEATMAP, experiment=2, group="cce", train_features=False, epochs=8, lr_low=2e-3, lr_high=2e-3
    )
    (here, arrays), (there, others) = ends(heatmap_loss, config, slices[2])
    assert there["train_loss"] == pytest.approx(here["train_loss"], rel=RUN_LOSS)
    assert_arrays_agree(others["maps"], arrays["maps"])


def test_cam_entropy(ends, opened):
    config = replace(ENTROPY, epochs=2, learning_rate=1e-4, deletion=2)
    (here, arrays), (there, others) = ends(cam_entropy, config, opened.crops.root)
    assert there["true_probability"] == pytest.approx(here["true_probability"], rel=RUN_LOSS)
    assert_arrays_agree(others["logits"], arrays["logits"])


@pytest.mark.parametrize("method", ["pylon", "cam"])
def test_pylon(ends, store, method):
    config = replace(
        PYLON, method=method, phases=("decoder", "all"), epochs=1, learning_rate=1e-4, standardise=True
    )
    (here, arrays), (there, others) = ends(pylon, config, store)
    assert there["val_loss"] == pytest.approx(here["val_loss"], rel=RUN_LOSS)
    assert_arrays_agree(others["test_logits"], arrays["test_logits"])


@pytest.mark.parametrize(
    "fields",
    [{"distinct": 1.4, "coherent": 1.0}, {"inputs": 2, "train_from": ""}],
    ids=["both terms", "MIMO"],
)
def test_sibnet_calibration(ends, chexpert, fields):
    config = replace(SIBNET, epochs=2, learning_rate=1e-4, **fields)
    (here, arrays), (there, others) = ends(sibnet_calibration, config, chexpert.store.root)
    assert there["train_loss"] == pytest.approx(here["train_loss"], rel=RUN_LOSS)
    assert_arrays_agree(others["test_logits"], arrays["test_logits"])
