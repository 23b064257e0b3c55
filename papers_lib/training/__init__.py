# fmt: off
# ruff: noqa: F401, I001
"""The training loop, the plateau schedule, stored features, augmentation, and what a GPU does otherwise."""

from papers_lib.processes import DEVICES, on_gpu, processes
from papers_lib.training.augmentation import PHOTOGRAPH, RADIOGRAPH, augment
from papers_lib.training.features import (
    Frozen, channel_statistics, front_features, frozen_front, pixels, pyramid_features, through,
)
from papers_lib.training.gpu_batches import (
    COMPILED, FULL, compile_where_asked, pick_device, precision_of, release, sent, taken, to_device,
)
from papers_lib.training.loop import History, Objective, train
from papers_lib.training.plateau import Fit, Plateau, fit
