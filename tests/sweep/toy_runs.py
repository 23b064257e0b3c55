"""Runs that cost nothing and misbehave on demand; a file of its own so that worker processes can import it.

Each run appends a line to ``log`` in the data folder, so that tests count executions.
"""

import os
import signal
import time
from dataclasses import dataclass
from typing import Any

from papers_lib.sweep import Context, RunFailed


@dataclass(frozen=True)
class Toy:
    """One toy run."""

    seed: int
    behaviour: str = "ok"
    sizes: tuple[int, ...] = (3, 5)

    def label(self) -> str:
        return f"toy {self.behaviour} {self.seed}"


@dataclass(frozen=True)
class Costly(Toy):
    def cost(self) -> float:
        return float(self.seed)


def run(config: Toy, context: Context) -> dict[str, Any]:
    with open(context.data_root / "log", "a") as log:
        log.write(f"{config.seed} {os.getpid()}\n")
    return globals()[f"_{config.behaviour}"](config, context)


def _ok(config: Toy, context: Context) -> dict[str, Any]:
    context.save_arrays(map=[[config.seed, 2.5]], index=[1, 2])
    return {"score": config.seed / 4, "bound": float("-inf"), "missing": float("nan"), "curve": (1, 0.5)}


def _diverged(config: Toy, context: Context) -> dict[str, Any]:
    raise RunFailed("diverged", "loss is nan at step 7")


def _error(config: Toy, context: Context) -> dict[str, Any]:
    raise ValueError(f"two\nlines about {context.data_root}/x")


def _unserializable(config: Toy, context: Context) -> dict[str, Any]:
    return {"model": object()}


def _killed(config: Toy, context: Context) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def _exits(config: Toy, context: Context) -> dict[str, Any]:
    os._exit(3)


def _crowded(config: Toy, context: Context) -> dict[str, Any]:
    """As on a GPU that others fill at the first attempt."""
    flag = context.data_root / "was crowded"
    if not flag.exists():
        flag.touch()
        _too_large(config, context)
    return {"process": os.getpid()}


def _too_large(config: Toy, context: Context) -> dict[str, Any]:
    raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


def _waits(config: Toy, context: Context) -> dict[str, Any]:
    """Ends when the file ``go`` appears, or after a minute."""
    for _ in range(600):
        if (context.data_root / "go").exists():
            break
        time.sleep(0.1)
    return {"score": 0.0}


def _resumes(config: Toy, context: Context) -> dict[str, Any]:
    """Fails on the first attempt, after a checkpoint."""
    if not context.checkpoint.exists():
        context.checkpoint.write_text("3")
        raise OSError("no connection")
    return {"resumed_from": int(context.checkpoint.read_text())}


def _training(config: Toy, context: Context) -> dict[str, Any]:
    """Steps of gradient descent on matrices large enough that two threads would add in another order."""
    import torch

    inputs = torch.randn(4000, 64, generator=torch.Generator().manual_seed(config.seed))
    weight = torch.full((64, 64), 0.1, requires_grad=True)
    for _ in range(8):
        loss = ((inputs @ weight).relu().sum(1) - inputs.square().sum(1)).square().mean()
        (slope,) = torch.autograd.grad(loss, weight)
        weight = (weight - 1e-5 * slope).detach().requires_grad_()
    context.save_arrays(weight=weight.detach().numpy())
    return {"loss": loss.item(), "threads": torch.get_num_threads()}
