"""Ctrl-C, SIGTERM and SIGHUP: first what was started is ended, then the command stops."""

import signal
import threading
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
def held_back() -> Iterator[None]:
    """Let the three signals wait until the block is left, so that what it does is done whole or not at all.

    They are noted down and sent again at the end. Blocking them with ``pthread_sigmask`` would not do: a mask
    holds for one thread, and Python acts on a signal that any thread (of a numerical library, say) was given.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread only
        return
    waiting: list[signal.Signals] = []
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        for number in _SIGNALS:
            signal.signal(number, lambda number, frame: waiting.append(signal.Signals(number)))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(waiting):
            signal.raise_signal(number)


@contextmanager
def ended_by(end: Callable[[], None]) -> Iterator[None]:
    """Call ``end`` when a signal arrives inside the block, and in any case when it is left."""
    _endings.append(end)
    try:
        yield
    finally:
        _endings.remove(end)
        end()
