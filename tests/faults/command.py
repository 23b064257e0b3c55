"""``papers`` in a process of its own, where a test has to end it; FAULTS_DISARM names a handling to leave out."""

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

from papers_lib.companion import execute, interrupts
from papers_lib.companion.cli import main


def no_watchdog() -> None:
    """The kernel is not told whose child it is."""
    whole = execute._environment

    def without(extra: Mapping[str, str], work: Path) -> dict[str, str]:
        return {name: value for name, value in whole(extra, work).items() if name != "PAPERS_PARENT"}

    execute._environment = without


def no_handlers() -> None:
    """Signals do what they do to any Python program."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits "ignored"
    interrupts.interruptible = nullcontext


DISARM: dict[str, Callable[[], None]] = {f.__name__: f for f in (no_watchdog, no_handlers)}

if __name__ == "__main__":
    DISARM.get(os.environ.get("FAULTS_DISARM", ""), lambda: None)()
    main()
