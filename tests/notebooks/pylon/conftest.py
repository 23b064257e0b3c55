"""One image store for all PYLON tests, with the features that runs store beside it."""

import pytest
import torch

from tests.notebooks.pylon.stores import write_store


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    torch.set_num_threads(1)
    return write_store(tmp_path_factory.mktemp("pylon") / "images")
