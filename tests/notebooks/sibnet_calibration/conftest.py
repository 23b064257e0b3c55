import matplotlib.pyplot as plt
import pytest

from tests.notebooks.sibnet_calibration.runs import Runs, open_tiny


@pytest.fixture(scope="session")
def chexpert(tmp_path_factory):
    """24 training, 9 calibration and 21 test pictures of 64 px in CheXpert's layout, as runs read them."""
    return open_tiny(tmp_path_factory.mktemp("chexpert"))


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")
