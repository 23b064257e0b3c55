"""The GPU benchmark: on the CPU with tiny networks, and its GPU part on a pretend GPU, whose times say nothing."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from tests.training.fake_gpu import fake_gpu

from benchmarks import gpu_data, gpu_steps, models_an_hour
from benchmarks.gpu_steps import LABELS, Case, cases, needs_gpu, table, take, ways
from benchmarks.noise_steps import pylon_start
from benchmarks.one_table import line
from pylon.experiment import PylonRun

TINY = PylonRun(
    seed=0, backbone="test_resnet", weights="random", phases=("all",), train_from=0, standardise=False
)
CASE = Case("PYLON", "tiny", "batch 2", partial(pylon_start, samples=2, side=64, classes=3), TINY)
PAPERS = ["heatmap_loss", "cam_entropy", "pylon", "sibnet_calibration"]


@pytest.fixture
def compiled(monkeypatch):
    """Compiling takes a minute: what would be compiled."""
    found = []
    monkeypatch.setattr(gpu_steps, "compile_where_asked", lambda module, precision: found.append(module))
    return found


def test_rows_are_those_of_the_one_table_and_say_what_needs_a_gpu():
    rows = table("cpu", rounds=1, papers={"pylon": CASE})
    timed = [row for row in rows if "median ms" in row]
    assert [row["key"] for row in timed] == [f"pylon_{name}" for name in LABELS if name != "compiled"]
    assert timed[0]["ratio"] == 1
    assert all(row["median ms"] > 0 for row in timed)
    shown = [line("GPU", row) for row in rows[len(timed) :]]
    assert len(shown) == len({row["key"] for row in rows}) - len(timed)
    assert all(one["what"].endswith("not run, needs a GPU") and not one["median"] for one in shown)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_all_papers_are_timed_and_none_compiled_that_differentiates_twice(device):
    found = cases(device)
    assert list(found) == PAPERS
    assert {name for name, case in found.items() if case.compiled} <= {"pylon", "sibnet_calibration"}
    assert found["pylon"].compiled


def test_ways_differ_in_what_they_say(compiled):
    found = ways(CASE._replace(compiled=True), "cpu")
    assert list(found) == list(LABELS)
    assert compiled == [found["compiled"].model]
    seen = {}
    for name, start in found.items():
        first = next(one for one in start.model.modules() if isinstance(one, torch.nn.Conv2d))
        start.entry.network.layer1.register_forward_hook(
            lambda _, __, output, name=name: seen.update({name: output})
        )
        take(start, "cpu", 1)
        last_channels = not name.endswith("contiguous")
        assert first.weight.shape[1] == 1  # where the two layouts are one: so look at a layer behind it
        assert seen[name].is_contiguous(memory_format=torch.channels_last) is last_channels
        assert (seen[name].dtype == torch.bfloat16) is not name.startswith(("float32", "contiguous"))


def test_batches_are_the_same_wherever_they_come_from():
    small = {"batch": 2, "side": 64, "images": 4}
    for config in (TINY, replace(TINY, phases=("decoder",), train_from=2)):
        losses = {}
        with fake_gpu() as waits:
            for name, way in gpu_data.WAYS.items():
                one = gpu_data.trained(config, "cuda", **small)
                gpu_data.step(one, way, "cuda")
                waits.copies.clear()
                losses[name] = float(gpu_data.step(one, way, "cuda").detach())
                assert bool(waits.copies) is (name == "pageable")
        assert losses["resident"] == losses["pinned"] == losses["pageable"]


def test_the_whole_table_of_a_gpu(monkeypatch, compiled):
    monkeypatch.setitem(gpu_steps.STEPS, "cuda", 1)
    tiny = {"rounds": 1, "steps": 1, "batch": 2, "side": 64, "images": 4}
    monkeypatch.setattr(gpu_data, "KINDS", {"pixels": TINY})
    monkeypatch.setattr(
        gpu_data, "table", partial(lambda whole, device, *_: whole(device, **tiny), gpu_data.table)
    )
    asked = []
    monkeypatch.setattr(models_an_hour, "table", lambda device, **options: asked.append(options) or [])
    with fake_gpu():
        rows = table("cuda", rounds=1, papers={"pylon": CASE._replace(compiled=True)})
    assert [row["key"] for row in rows] == [
        *(f"pylon_{name}" for name in LABELS),
        *(f"data_pixels_{name}" for name in gpu_data.WAYS),
    ]
    assert asked == [{"slugs": gpu_steps.SHARING, "counts": gpu_steps.PROCESSES, "models": gpu_steps.MODELS}]
    assert len(compiled) == 1


def test_what_needs_a_gpu_is_what_a_gpu_would_add():
    keys = {row["key"] for row in needs_gpu()}
    assert {"data_pixels_resident", "data_stored_pageable", "pylon_8", "heatmap_loss_2"} <= keys


@pytest.mark.parametrize("slug", PAPERS)
def test_a_step_of_each_paper_at_its_cpu_size(slug):
    case = cases("cpu")[slug]
    start = case.start(case.config, "cpu")
    before = [one.detach().clone() for one in start.model.parameters()]
    take(start, "cpu", 1)
    moved = [not torch.equal(a, b) for a, b in zip(before, start.model.parameters(), strict=True)]
    assert moved[0]  # through all of the network; blocks that start as the identity move later
    assert moved[-1]
