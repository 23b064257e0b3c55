"""Each benchmark at a small size: its ways run, its rows have what the table and the pages show."""

import json

import pytest

from benchmarks import __main__ as command
from benchmarks import loops, steps
from benchmarks.timing import alternating

SMALL = {
    "heatmap_loss": {"network": "small VGG", "batch": 2},
    "cam_entropy": {"backbone": "resnet18", "batch": 2, "side": 64, "classes": 3},
    "pylon": {"backbone": "resnet18", "batch": 2, "side": 64, "classes": 3},
    "sibnet_calibration": {"backbone": "resnet18", "batch": 2, "side": 64, "classes": 3},
}


@pytest.mark.parametrize("slug", SMALL)
def test_steps_of_a_paper(slug):
    rows = steps.table(slug, "cpu", rounds=1, **SMALL[slug])
    assert rows[0]["ratio"] == 1
    assert all(row["ratio"] > 0 and row["over"] == rows[0]["step"] for row in rows)
    assert len({row["step"] for row in rows}) == len(rows) >= 4
    assert steps.OURS[slug] in {row["step"] for row in rows}


def test_steps_in_bfloat16_and_in_both_layouts():
    _, losses = model, losses = steps.heatmap_steps("cpu", "small VGG", batch=2)
    import torch

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
    rows = steps.gpu_rows(losses["MSE only"], model, optimizer, 1, "cpu", "small VGG", "batch 2")
    assert len(rows) == 4
    assert all(row["median ms"] > 0 for row in rows)


def test_loops():
    assert len(loops.masked_out_table("cpu", rounds=1, pairs=2, side=64, step=0.25)) == 2
    assert len(loops.coherence_table("cpu", rounds=1, side=28, count=2)) == 2


def test_ways_take_turns():
    done = []
    alternating({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, rounds=3)
    assert [sorted(done[i : i + 2]) for i in range(0, 8, 2)] == [["a", "b"]] * 4


def test_publishing_keeps_other_parts(tmp_path):
    row = {"step": "CE", "network": "n", "size": "s", "median ms": 1.0, "ratio": 1.0, "over": "CE"}
    part = {"machine": "m", "date": "2026-01-01", "commit": "abc", "rows": [row]}
    command.publish(tmp_path, "cam_entropy", part)
    command.publish(tmp_path, "coherence", part)
    assert list(json.loads((tmp_path / "benchmarks/results.json").read_text())["parts"]) == [
        "cam_entropy",
        "coherence",
    ]
    assert json.loads((tmp_path / "reports/full/cam_entropy.timings.json").read_text())["rows"] == [row]
    assert "| coherence | CE |" in (tmp_path / "benchmarks/RESULTS.md").read_text()


def test_unknown_part_is_named(capsys):
    with pytest.raises(SystemExit):
        command.main(["pylone"])
    assert "found 'pylone'" in capsys.readouterr().err
