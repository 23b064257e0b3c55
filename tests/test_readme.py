"""README's examples of using one loss run as they stand."""

import re
from pathlib import Path

import pytest
import torch

README = Path(__file__).resolve().parents[1] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def run(example: str) -> dict[str, object]:
    """Names after the example, with the first layer's initial weights as ``before``."""
    torch.manual_seed(0)
    names: dict[str, object] = {}
    before = "before = model[0].weight.detach().clone()\n"
    exec(compile(example.replace("optimizer =", before + "optimizer =", 1), "README", "exec"), names)
    return names


def test_there_is_one_example_a_loss():
    used = [re.findall(r"from papers_lib\.losses\.(\w+)", example) for example in EXAMPLES]
    assert used == [["heatmap"], ["cam_sharpness"]]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_in_fifteen_lines_and_moves_the_layer_before_the_map(example):
    assert len([line for line in example.splitlines() if line.strip()]) <= 15
    names = run(example)
    model = names["model"]
    assert torch.isfinite(names["loss"])
    assert not torch.equal(names["before"], model[0].weight)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.modules())
    assert names["maps"].requires_grad
