import pytest
import torch

from benchmarks import interleaved, masked_out
from benchmarks.pylon_steps import LABELS, MAPS, SHOWN, Steps, cam_maps, grad_cam_maps, table
from papers_lib.files import write_json
from pylon import costs as pylon_costs

SMALL = {"backbone": "resnet18", "side": 64, "batch": 3, "width": 32}


@pytest.fixture(scope="module")
def steps():
    return Steps(**SMALL)


def test_methods_share_one_encoder_and_the_dilated_one(steps):
    encoders = {id(model.encoder) for method, model in steps.models.items() if method != "deeplab"}
    assert len(encoders) == 1
    assert id(steps.models["deeplab"].encoder) not in encoders


def test_stored_features_are_the_same_loss_as_the_frozen_encoder(steps):
    """Else their times would compare nothing; half precision is what is left between them."""
    torch.testing.assert_close(steps.from_store(), steps.frozen(), rtol=5e-3, atol=5e-3)


def test_a_frozen_step_gives_gradients_to_the_decoder_alone(steps):
    steps.optimizer.zero_grad(set_to_none=True)
    steps.frozen().backward()
    model = steps.models["pylon"]
    assert all(one.grad is None for one in model.encoder.parameters())
    assert all(one.grad is not None for one in model.decoder.parameters())
    steps.optimizer.zero_grad(set_to_none=True)
    steps.whole("pylon").backward()
    assert all(one.grad is not None for one in model.parameters() if one.requires_grad)


def test_a_frozen_encoder_keeps_less(steps):
    whole, frozen, stored = (steps.amounts(name) for name in ("pylon", "pylon_frozen", "pylon_stored"))
    kept = "kept for backward, MiB an image"
    assert 0 < stored[kept] == frozen[kept] < whole[kept] / 2
    assert whole["decoder, million parameters"] < whole["model, million parameters"]


def test_grad_cam_and_cam_rank_all_cells_alike(steps):
    """Under max pooling each channel's weight is the head's over the number of cells: the CAM less its bias, scaled."""
    model = steps.models["cam"].eval()
    bias = model.decoder.head.bias[:, None, None]
    own, other = cam_maps(model, steps.x) - bias, grad_cam_maps(model, steps.x)
    cells = own.shape[-1] * own.shape[-2]
    torch.testing.assert_close(other * cells, own.detach(), rtol=1e-4, atol=1e-4)


def test_the_table_is_what_the_page_and_the_notebook_read(tmp_path, monkeypatch):
    monkeypatch.setattr(interleaved, "WARM_UP", 0)
    monkeypatch.setattr(masked_out, "LEVEL", 0.1)
    rows = table(rounds=1, **SMALL) + masked_out.table(rounds=1, pairs=3, side=64)
    keys = [row["key"] for row in rows]
    assert keys == [
        *LABELS,
        *(f"maps_{name}" for name in MAPS),
        *(f"masked_{name}" for name in masked_out.LABELS),
    ]
    assert all(row["median ms"] > 0 and row["ratio"] > 0 for row in rows)
    assert {row["over"] for row in rows} == {"CAM", MAPS["cam"], masked_out.LABELS["plain"]}
    found = pylon_costs.read(write_json(tmp_path / "pylon.timings.json", {"rows": rows}))
    assert all(value > 0 for value in found.values())
    assert set(SHOWN) == {"cam", *pylon_costs.METHODS}
