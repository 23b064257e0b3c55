"""A run that trains for a moment and checkpoints each epoch; files in the data folder make it go wrong."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papers_lib.sweep import Context, say

GROUPS = ("ours", "theirs")


@dataclass(frozen=True)
class Toy:
    """One run."""

    seed: int

    def label(self) -> str:
        return f"toy {self.seed}"


def order(data: Path, seed: int, fault: str) -> Path:
    """Make the run of ``seed`` go wrong as long as the file is there that is returned."""
    path = data / f"{fault}-{seed}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def wait() -> None:
    """Start a process, say so, and wait to be ended with it."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    say(f"waiting {os.getpid()} {child.pid}")
    time.sleep(300)


def make_set() -> None:
    """Make a generated data set that takes its time, where it is absent; another command can come meanwhile."""
    from data_gen import store
    from papers_lib.companion import paths

    def write(folder: Path, spec: Toy) -> None:
        (folder / "first.txt").write_text("1")
        time.sleep(2)
        (folder / "rest.txt").write_text("2 3")

    assert (store.ensure(paths.data_folder(), "numbers", Toy(3), write) / "rest.txt").is_file()


def run(config: Toy, context: Context) -> dict[str, Any]:
    """Train a layer of 32 weights for three epochs."""
    seed = config.seed

    def ordered(fault: str) -> bool:
        return (context.data_root / f"{fault}-{seed}").exists()

    if ordered("killed"):
        os.kill(os.getpid(), signal.SIGKILL)  # what the kernel's OOM killer sends
    if ordered("waits"):
        wait()
    if ordered("light"):
        return {"share": seed % 2, "group": GROUPS[seed % 2]}  # without torch, which takes a second to import
    return _train(seed, context, ordered)


def _train(seed: int, context: Context, ordered: Any) -> dict[str, Any]:
    import torch

    from papers_lib.training import train

    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(8, 32, generator=generator)
    layer = torch.nn.Linear(32, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(0.1)

    def objective(model: Any, index: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss = (model(inputs[index]) - 1).square().mean()
        return (loss * float("nan") if ordered("nan") else loss), {}

    done = []

    def validate(model: torch.nn.Module) -> dict[str, float]:
        done.append(1)
        if ordered("stops") and len(done) == 2:
            raise ConnectionError("the second epoch was not finished")
        return {}

    train(
        layer, objective, 8, optimizer=torch.optim.SGD(layer.parameters(), lr=0.01), epochs=3, batch_size=4,
        generator=generator, validate=validate, checkpoint=context.checkpoint, checkpoint_every=0.0,
    )  # fmt: skip
    return {"share": seed % 2 + layer.weight.mean().item() / 100, "group": GROUPS[seed % 2]}
