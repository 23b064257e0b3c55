"""Where the notebooks, claims, profiles and reports of a checkout lie.

The folders of the running notebook can be moved by environment variables (the runner sets them for the
kernel); with none set, "Run all" in JupyterLab finds the ordinary ones.
"""

import os
import sys
from pathlib import Path

from papers_lib.errors import UserError

PROFILES = ("quick", "smoke", "full", "paper")


def repo_root(start: Path | None = None) -> Path:
    """The checkout: the nearest folder, upwards, that holds ``notebooks/`` and ``pyproject.toml``.

    Looks from ``start`` (default: the working folder) first, then from this package.

    Raises:
        UserError: neither lies in a checkout.
    """
    begin = (start or Path.cwd()).resolve()
    for folder in (begin, *begin.parents, *Path(__file__).resolve().parents):
        if (folder / "notebooks").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise UserError(
        f"{begin}: no folder here or above holds notebooks/ and pyproject.toml; run inside the checkout"
    )


def make_importable(root: Path) -> None:
    """Let this process, kernels and workers import the papers' packages, a new one as well."""
    folder = str(root / "notebooks")
    known = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if folder not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, *known])


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


def slugs(root: Path) -> list[str]:
    """The papers of this checkout, sorted: one a notebook."""
    return sorted(path.stem for path in (root / "notebooks").glob("*.ipynb"))


def chosen_slugs(root: Path, wanted: list[str] | None) -> list[str]:
    """The papers that a command names, or all of them.

    Raises:
        UserError: a slug has no notebook (the line lists those that exist), or there is no notebook at all.
    """
    known = slugs(root)
    if not known:
        raise UserError(f"{root / 'notebooks'}: holds no notebook")
    for slug in wanted or []:
        if slug not in known:
            raise UserError(f"{slug}: no such notebook; there are {', '.join(known)}")
    return list(dict.fromkeys(wanted)) if wanted else known


def work_folder(out: Path, slug: str) -> Path:
    """Scratch folder of a run, beside the page so that moving into place is one rename (ignored by git)."""
    return out / f".{slug}.work_files"
