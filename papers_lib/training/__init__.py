"""The training loop, the plateau schedule, stored features, augmentation, and what a GPU does otherwise."""

from papers_lib.training.augmentation import PHOTOGRAPH, RADIOGRAPH, augment
from papers_lib.training.devices import DEVICES, pick_device, processes
from papers_lib.training.front_features import front_features, frozen_front, through
from papers_lib.training.gpu import FULL, compile_where_asked, on_gpu, precision_of
from papers_lib.training.gpu_batches import release, sent
from papers_lib.training.loop import History, Objective, train
from papers_lib.training.plateau import Fit, Plateau, fit
from papers_lib.training.pyramid_features import Frozen, channel_statistics, pixels, pyramid_features

__all__ = [
    "DEVICES",
    "FULL",
    "PHOTOGRAPH",
    "RADIOGRAPH",
    "Fit",
    "Frozen",
    "History",
    "Objective",
    "Plateau",
    "augment",
    "channel_statistics",
    "compile_where_asked",
    "fit",
    "front_features",
    "frozen_front",
    "on_gpu",
    "pick_device",
    "pixels",
    "precision_of",
    "processes",
    "pyramid_features",
    "release",
    "sent",
    "through",
    "train",
]
