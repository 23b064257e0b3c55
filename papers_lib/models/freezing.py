"""Freezing part of a network for two-phase training: first the new layers alone, then everything.

Source: Preechakul 2022 (iScience 25:103933), STAR Methods, "Effective two-phase transfer learning approach".
"""

from functools import partial
from typing import Literal, get_args

from torch import nn

from papers_lib.errors import one_of

Statistics = Literal["frozen", "moving"]


def freeze(module: nn.Module, statistics: Statistics) -> None:
    """Stop the training of a module's parameters, in place, until :func:`unfreeze`.

    ``statistics``: "frozen" keeps the module in eval mode, whatever mode the model around it is set to; "moving"
    leaves the mode alone: batch norm's running statistics move, as in the authors' code.
    """
    one_of("statistics", statistics, get_args(Statistics))
    unfreeze(module)
    module.requires_grad_(False)
    if statistics == "frozen":
        # In place of the method, so that the train() of a model around it, which calls its children's, comes here too.
        # A partial of a plain function, not a closure: copied and pickled with the module.
        module.train = partial(_stay_in_eval_mode, module)  # type: ignore[method-assign]
        module.eval()


def unfreeze(module: nn.Module) -> None:
    """Undo :func:`freeze`: parameters need gradients, and the next train() sets the mode again."""
    module.__dict__.pop("train", None)
    module.requires_grad_(True)


def _stay_in_eval_mode(module: nn.Module, mode: bool = True) -> nn.Module:
    return type(module).train(module, False)
