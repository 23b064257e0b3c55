"""Where the notebooks, claims, profiles and reports of a checkout lie.

``papers run`` moves a kernel's folders by environment variables; "Run all" in JupyterLab finds the ordinary ones.
"""

import os
import sys
from pathlib import Path

from papers_lib.errors import UserError

PROFILES = ("quick", "smoke", "full", "paper")


def repo_root(start: Path | None = None) -> Path:
    """The checkout in or above ``start`` (default: the working folder), else that of this package."""
    begin = (start or Path.cwd()).resolve()
    for folder in (begin, *begin.parents, *Path(__file__).resolve().parents):
        if (folder / "notebooks").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise UserError(
        f"{begin}: no folder here or above holds notebooks/ and pyproject.toml; run inside the checkout"
    )


def make_importable(root: Path) -> None:
    """Let this process and those it starts import the papers of this checkout, before those of any other."""
    folder = str(root / "notebooks")
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
    known = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([folder, *known]))


def _folder(variable: str, default: str) -> Path:
    moved = os.environ.get(variable)
    return Path(moved).expanduser().resolve() if moved else repo_root() / default


def out_folder(profile: str) -> Path:
    """Folder that a running notebook writes its report to: ``$PAPERS_OUT``, else ``reports/PROFILE``."""
    return _folder("PAPERS_OUT", f"reports/{profile}")


def data_folder() -> Path:
    """Folder of the generated data sets: ``$PAPERS_DATA``, else ``data`` in the checkout."""
    return _folder("PAPERS_DATA", "data")


def cache_folder() -> Path:
    """Folder of the cached run results: ``$PAPERS_CACHE``, else ``cache`` in the checkout."""
    return _folder("PAPERS_CACHE", "cache")


def report_folder(root: Path, profile: str, record: str | None = None) -> Path:
    """Where ``papers run`` publishes: ``reports/PROFILE``, or ``reports/PROFILE-RECORD`` of a recorded run."""
    return root / "reports" / (f"{profile}-{record}" if record else profile)


def recorded_folder(root: Path) -> Path:
    """Results recorded on data or devices that the repository does not have."""
    return root / "reports" / "full" / "recorded"


def notebook_path(root: Path, slug: str) -> Path:
    """The notebook of a paper."""
    return root / "notebooks" / f"{slug}.ipynb"


def claims_path(root: Path, slug: str) -> Path:
    """The claims file of a paper."""
    return root / "notebooks" / slug / "claims.yaml"


def profile_path(root: Path, profile: str) -> Path:
    """The parameters of a profile, slug by slug (``quick`` has none: it is the parameters cell itself)."""
    return root / "notebooks" / "profiles" / f"{profile}.yaml"


def chosen_slugs(root: Path, wanted: list[str] | None) -> list[str]:
    """The papers that a command names, or all. Raises: UserError, a slug has no notebook (those that do are listed)."""
    known = sorted(path.stem for path in (root / "notebooks").glob("*.ipynb"))
    if not known:
        raise UserError(f"{root / 'notebooks'}: holds no notebook")
    for slug in wanted or []:
        if slug not in known:
            raise UserError(f"{slug}: no such notebook; there are {', '.join(known)}")
    return list(dict.fromkeys(wanted or known))
