"""The code in docs/own_model.md runs as it stands, one block after the other, and says what its prose says."""

import re
from pathlib import Path

import torch
from torch import nn

from papers_lib.metrics.sharpness import MEASURES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "own_model.md"
TEXT = PAGE.read_text(encoding="utf-8")


class Split(nn.Module):
    """Features and a pooled head, as the page supposes."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU())
        pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.head = nn.Sequential(*pool, nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))


def test_the_blocks_run_and_both_ways_give_the_same_map():
    torch.manual_seed(0)
    names = {
        "model": Split().double(),
        "images": torch.rand(5, 3, 32, 32).double(),
        "classes": torch.arange(5) % 4,
    }
    names["cross_entropy"] = nn.functional.cross_entropy
    found = []
    for block in re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), names)
        found.append((names["logits"], names["maps"]))
    assert len(found) == 4
    (logits, _), (_, maps), (_, all_maps), closed = found
    assert torch.isfinite(names["loss"])
    assert names["term"].loss.requires_grad
    assert 0 <= names["dead_share"] <= 1
    torch.testing.assert_close(closed, (logits, maps))
    torch.testing.assert_close(all_maps[torch.arange(5), names["classes"]], maps)


def test_the_table_has_every_measure():
    assert re.findall(r'^\| `"(\w+)"` \|', TEXT, flags=re.MULTILINE) == list(MEASURES)
