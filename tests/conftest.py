"""The order of the files: those that take longest come first; no example of hypothesis is late."""

import os

# One thread a test process: two that take two each on two cores wait for one another, and take ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

import papers_lib  # noqa: F401  (lets torchvision import beside a CPU-only torch)

settings.register_profile("patient", settings(), deadline=None)  # 200 ms are soon over on a busy machine
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with a test marked ``slow`` first, and keep the order otherwise.

    ``make test`` hands whole files out to two workers in this order: a long one that starts last leaves a worker idle.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
