"""The process that a notebook runs in: ipykernel beside a watchdog.

``papers`` starts ``python -m papers_lib.companion.kernel -f CONNECTION_FILE``. If ``papers`` is killed
outright it can end nothing itself; then the watchdog ends this process and its group (a sweep's workers).
"""

import os
import signal
import threading
import time


def watch(parent: int, seconds: float = 0.25) -> None:
    """End this process, and its group if it leads one, as soon as its parent is not ``parent`` any more."""
    while os.getppid() == parent:
        time.sleep(seconds)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Start the watchdog on ``$PAPERS_PARENT``, then serve as a Jupyter kernel."""
    parent = os.environ.get("PAPERS_PARENT", "")
    if parent.isdigit():
        os.environ.pop(
            "JPY_PARENT_PID", None
        )  # ipykernel's own watch ends itself only, and leaves the workers
        threading.Thread(target=watch, args=(int(parent),), daemon=True, name="papers-watchdog").start()
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()


if __name__ == "__main__":
    main()
