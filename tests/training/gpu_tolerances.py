"""How far results of a GPU may lie from those of the CPU, and those of bfloat16 from those of float32.

Float32 (TF32 off) rounds each sum in another order. The same steps by other CPU kernels (without oneDNN) differ by up
to 1e-5 in the loss and 3e-4 in the gradient as a whole; 5e-3 for MIMO, all of which is trained. Bfloat16 has 8 bits: up
to 1.1e-2 in the loss; in the gradient 0.06 to 0.28, and 0.42 for PYLON, whose maximum over a map moves to another cell.
The entropy of rectified maps is left out of that: its slope goes with 1 / heat, so that in an untrained network a few
nearly dead maps are most of the gradient, which is then off by 0.86 (loss: 1.3e-2). All measured on the CPU, at the
sizes of ``first_steps``. A run goes on from such differences, which grow: its tolerance holds for a few steps at small
rates only.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class Tolerance(NamedTuple):
    """Relative differences: of a step's ``loss``, and of its ``gradient``, norm of the difference over the norm."""

    loss: float
    gradient: float


FLOAT32 = Tolerance(loss=1e-4, gradient=2e-2)
BFLOAT16 = Tolerance(loss=3e-2, gradient=0.6)
RUN_LOGITS = 5e-2
"""Of a run of few steps: norm of the difference of its test logits over their norm."""
RUN_LOSS = 2e-2
"""Of such a run's training loss, relative."""


def assert_steps_agree(
    found: Mapping[str, Tensor], expected: Mapping[str, Tensor], within: Tolerance
) -> None:
    """Loss and gradient of a first step, as ``first_steps.steps`` gives them."""
    assert abs(found["loss"] / expected["loss"] - 1) < within.loss
    names = [name for name in expected if name.startswith("gradient of")]
    a, b = (torch.cat([one[name].double().flatten() for name in names]) for one in (found, expected))
    assert b.norm() > 0
    assert (a - b).norm() / b.norm() < within.gradient


def assert_arrays_agree(found: Any, expected: Any) -> None:
    """Logits of a run."""
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < RUN_LOGITS
