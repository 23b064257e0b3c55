"""Progress as plain lines, one a finished run: no bars, no carriage returns, so that logs and pages stay readable."""

import os

from papers_lib.errors import UserError

VARIABLE = "PAPERS_PROGRESS"


def say(line: str) -> None:
    """Append ``line`` to the file named by PAPERS_PROGRESS in one write, or print it where that is not set."""
    line = one_line(line)
    path = os.environ.get(VARIABLE)
    if not path:
        print(line, flush=True)
        return
    try:
        with open(path, "ab", buffering=0) as file:  # lines of several processes never mix
            file.write(f"{line}\n".encode())
    except OSError as error:
        raise UserError(f"{VARIABLE}={path}: cannot be written ({error.strerror})") from error


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> [duration(s) for s in (0.25, 41.4, 111, 5400, 90000)]
    ['0.2 s', '41 s', '2 min', '1 h 30 min', '25 h']
    """
    if seconds < 89.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest and hours < 10 else f"{round(minutes / 60)} h"


def one_line(text: str) -> str:
    """``text`` with its line ends (carriage returns too) as blanks."""
    return " ".join(text.splitlines())
