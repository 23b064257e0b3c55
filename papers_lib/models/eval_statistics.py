"""A network in eval mode for one pass within a training step: saliency maps are encoded without leaving a trace.

For the class-distinctiveness loss (the report's section 3.1.1; the mode is not said). In training mode the maps would
enter batch norm's running statistics, which are those of pictures.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def eval_statistics(module: nn.Module) -> Iterator[None]:
    """Inside, batch norm uses its running statistics and nothing is dropped; gradients flow as ever.

    Each layer's own mode comes back at the end. No activation checkpointing in here: it recomputes a pass later.
    Raises: ValueError for a batch-norm layer without running statistics, which would mix the images.
    """
    for name, layer in module.named_modules():
        if isinstance(layer, _BatchNorm) and layer.running_mean is None:
            raise ValueError(
                f"module: batch norm {name or type(layer).__name__!r} keeps no running statistics"
            )
    modes = [(layer, layer.training) for layer in module.modules()]
    try:
        # The flag, not train(): a frozen part (papers_lib.models.freezing) has a train() of its own.
        for layer, _ in modes:
            layer.training = False
        yield
    finally:
        for layer, training in modes:
            layer.training = training
