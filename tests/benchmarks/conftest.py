import numpy as np
import pytest

from benchmarks.sibnet_calibration_ways import BASE, Ways
from papers_lib.datasets.chexpert_store import ChexpertImages
from pylon.timing import images_of
from sibnet_calibration.inputs import Inputs


@pytest.fixture(scope="module")
def ways():
    """Second stages on noise: 8 images of 32 px and 3 classes to train on, 6 held out; one sampled share."""
    images, uint8 = images_of(3, 32, 1, 14)
    rows = {"train": np.arange(8), "val": np.arange(8, 14), "test": np.arange(8, 14)}
    unknown = np.full(images.labels.shape, np.nan)
    inputs = Inputs(ChexpertImages(images, uint8, unknown, unknown), None, rows)
    base = {**vars(BASE), "weights": "random", "last_stage": "blocks_1", "train_from": "", "batch_size": 4}
    return Ways(inputs, shares=[0.5], base=type(BASE)(**base))
