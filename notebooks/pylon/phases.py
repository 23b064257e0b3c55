"""What a finished phase of training came to, kept on disk until the whole run is done."""

from pathlib import Path

import torch
from torch import nn

from papers_lib.files import replacing
from papers_lib.sweep.progress import say
from papers_lib.training.plateau import Fit


def save_phase(path: Path, model: nn.Module, generator: torch.Generator, fit: Fit) -> None:
    """Keep weights, the state of the generator of the sample order, and the checks."""
    state = {
        "model": model.state_dict(),
        "generator": generator.get_state(),
        "fit": {"checks": fit.checks, "best": fit.best, "converged": fit.converged},
    }
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load_phase(path: Path, model: nn.Module, generator: torch.Generator) -> Fit | None:
    """Restore what :func:`save_phase` kept; None where there is nothing, or a damaged file, which is removed."""
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        fit = Fit(**state["fit"])
    except Exception as error:  # torch.load raises a dozen unrelated types on a damaged file
        say(f"checkpoint {path.name} is unreadable ({type(error).__name__}); its phase starts anew")
        path.unlink()
        return None
    model.load_state_dict(state["model"])
    generator.set_state(state["generator"])
    return fit
