import pytest

from data_gen.cardiac_mri import CardiacSpec, write


@pytest.fixture(scope="session")
def slices(tmp_path_factory):
    """A small data set of each experiment: 64 training, 32 validation and 16 test slices."""
    roots = {}
    for experiment in (1, 2):
        roots[experiment] = tmp_path_factory.mktemp("slices") / f"exp{experiment}"
        write(roots[experiment], CardiacSpec(experiment=experiment, train=64, val=32, test=16, seed=1))
    return roots
