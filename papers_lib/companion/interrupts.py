"""Ctrl-C, SIGTERM and SIGHUP: first what was started is ended, then the command stops."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_endings: list[Callable[[], None]] = []


def _stop(number: int, frame: FrameType | None) -> None:
    for end in tuple(_endings):
        end()
    raise KeyboardInterrupt(signal.Signals(number).name)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the three signals into KeyboardInterrupt (main thread only), the endings below run first."""
    before = {number: signal.signal(number, _stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ended_by(end: Callable[[], None]) -> Iterator[None]:
    """Call ``end`` when a signal arrives inside the block, and in any case when it is left."""
    _endings.append(end)
    try:
        yield
    finally:
        _endings.remove(end)
        end()
