"""The core alone, in a bare environment, trains one step with the heatmap loss."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

STEP = """
import sys
import torch
from papers_lib.cams import head_gradients, hires_cam
from papers_lib.losses import heatmap_loss, shrink_mask
from papers_lib.metrics import heat_share
from papers_lib.models import small_vgg

model = small_vgg(torch.Generator().manual_seed(0))
optimizer = torch.optim.Adam(model.parameters())
before = model.convolutions[1].weight.clone()
activations = model.features(torch.rand(4, 1, 105, 135))
logits, gradients = head_gradients(model.head, activations, torch.arange(4), create_graph=True)
maps = hires_cam(activations, gradients)
heatmap_loss(maps, shrink_mask(torch.ones(4, 105, 135), maps.shape[1:])).backward()
optimizer.step()
assert not torch.equal(before, model.convolutions[1].weight), "the loss moved no weight"
extras = {"pandas", "matplotlib", "timm", "IPython", "papermill", "scipy", "sklearn", "yaml"}
assert not extras & set(sys.modules), extras & set(sys.modules)
try:
    import papers_lib.stats
except ModuleNotFoundError as error:
    assert "papers-lib[notebooks]" in str(error)
print("one step")
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)  # torch is large, and other indices serve a larger build
def test_core_installs_alone_and_trains_a_step(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, source)
    for package in ("papers_lib", "data_gen"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "bare"], check=True)
    python = tmp_path / "bare" / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "--no-compile", "-c", source / "constraints.txt"]
    for what in ("torch", str(source)):  # torch first, as make does
        done = subprocess.run([*install, what], capture_output=True, text=True)
        if done.returncode and "CI" not in os.environ and "No matching distribution" in done.stderr:
            pytest.skip("no package index within reach, and the bare environment needs one")
        assert done.returncode == 0, done.stderr[-2000:]
    listed = subprocess.run([python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True)
    assert "pandas" not in listed.stdout
    done = subprocess.run([python, "-c", STEP], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "one step", done.stderr[-2000:]
