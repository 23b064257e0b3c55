"""README's example runs as it stands."""

import re
from pathlib import Path

import torch

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_example_of_using_one_loss_runs_in_fifteen_lines_and_moves_the_layer_before_the_map():
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) <= 15
    torch.manual_seed(0)
    names: dict[str, object] = {}
    before = "before = model[0].weight.detach().clone()\n"
    exec(compile(example.replace("optimizer =", before + "optimizer =", 1), "README", "exec"), names)
    model, loss = names["model"], names["loss"]
    assert torch.isfinite(loss)
    assert not torch.equal(names["before"], model[0].weight)
    assert not model[1]._forward_hooks
    assert names["maps"].requires_grad


def test_every_local_link_of_readme_exists():
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (README.parent / link).exists()]
    assert not missing
