"""The code in docs/own_losses.md runs as it stands, one block after the other, and says what its prose says."""

import contextlib
import io
import re
from pathlib import Path

import pytest
import torch

from papers_lib.metrics.calibration import ece, ece_floor

PAGE = Path(__file__).resolve().parents[1] / "docs" / "own_losses.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


def run(blocks):
    """The names after each block, and what all of them printed."""
    torch.manual_seed(0)
    names, after, printed = {}, [], io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            exec(compile(block, PAGE.name, "exec"), names)
            after.append(dict(names))
    return after, printed.getvalue()


@pytest.fixture(scope="module")
def page():
    return run(BLOCKS)


@pytest.mark.parametrize("weight", ["1.4 * ", "30 * "])
def test_both_terms_move_the_layers_before_the_maps(weight):
    assert BLOCKS[0].count(weight) == 1
    found = [run([text])[0][0] for text in (BLOCKS[0], BLOCKS[0].replace(weight, "0 * "))]
    assert all(torch.isfinite(names["loss"]) for names in found)
    assert not torch.allclose(*(names["features"][0].weight for names in found))


def test_pesg_moves_the_losses_own_parameters_and_ends_a_stage(page):
    names = page[0][2]
    assert torch.isfinite(names["focal"])
    assert (names["auc"].alpha > 0).all()
    assert [group["lr"] for group in names["optimizer"].param_groups] == pytest.approx([0.01] * 3)


def test_mimo_predicts_one_image_at_a_time(page):
    names = page[0][3]
    assert names["rows"].shape == (32, 2)
    assert names["probabilities"].shape == (8, 3)
    single = torch.cat([names["network"].predict(image[None]) for image in names["images"]])
    torch.testing.assert_close(single, names["probabilities"], rtol=1e-3, atol=1e-4)  # float32, another batch


def test_an_offset_needs_platt_scaling(page):
    names = page[0][4]
    truth = names["truth"][names["test"]]
    errors = {name: float(ece(p, truth).mean()) for name, p in names["found"].items()}
    assert errors["before"] > errors["one temperature"] > 2 * errors["Platt"]
    floor = ece_floor(names["found"]["Platt"], generator=torch.Generator().manual_seed(1)).mean_over_labels
    assert errors["Platt"] < floor.high + 0.01 < errors["one a label"]
    assert not any(one.at_bound.any() for name, one in names["fitted"].items() if name != "Platt")
    assert names["diagram"].counts.sum() == 1000
    lines = re.findall(r"^(.+): ECE (\S+), a perfect model's (\S+) to (\S+)$", page[1], flags=re.MULTILINE)
    assert {name: float(value) for name, value, *_ in lines} == pytest.approx(errors, abs=6e-4)
