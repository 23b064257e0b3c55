"""Figures are drawn with matplotlib's own settings, whatever theme another test of this process has set."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def plain_figures() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(rc=matplotlib.rcParamsDefault):
        yield
