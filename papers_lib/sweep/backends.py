"""Which machinery carries the runs of a sweep: processes of this machine (loky), or a Ray cluster."""

import importlib.util
import os

from papers_lib.errors import UserError

BACKENDS = ("loky", "ray")
VARIABLE = "PAPERS_BACKEND"


def pick_backend(asked: str | None) -> str:
    """``asked``, else what ``PAPERS_BACKEND`` says, else "loky".

    Raises:
        UserError: there is no backend of that name, or it is Ray, and Ray is not installed.
    """
    name, where = (asked, "backend") if asked else (os.environ.get(VARIABLE) or "loky", VARIABLE)
    if name not in BACKENDS:
        raise UserError(f"{where}: found {name!r}, expected one of {', '.join(BACKENDS)}")
    if name == "ray" and importlib.util.find_spec("ray") is None:
        raise UserError(
            f"{where} ray: the package is not installed here; pip install -e '.[ray]' installs it"
        )
    return name
