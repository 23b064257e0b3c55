"""The code in docs/own_heatmaps.md runs as it stands, one block after the other, and says what its prose says."""

import re
from pathlib import Path

import torch

PAGE = Path(__file__).resolve().parents[1] / "docs" / "own_heatmaps.md"


def test_the_blocks_run_and_say_what_the_page_says():
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), names)
    assert names["maps"].shape == (4, 3, 32, 32)
    assert torch.isfinite(names["loss"])
    logits, maps = names["fpn"].eval()(names["images"])
    torch.testing.assert_close(logits, maps.amax((-2, -1)))
    assert names["hits"].counted.all()
