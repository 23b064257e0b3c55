"""``papers new SLUG``: one more paper, a copy of the example that runs at once, to replace piece by piece."""

import importlib.util
import json
import keyword
import re
from contextlib import ExitStack
from pathlib import Path

import yaml

from papers_lib.companion import paths
from papers_lib.errors import UserError
from papers_lib.files import replacing

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "example_paper"
# File of the example → its place; all others lie in ``notebooks/SLUG``.
PLACES = {
    "example_paper.ipynb": "notebooks/{slug}.ipynb",
    "test_example_paper.py": "tests/notebooks/test_{slug}.py",
}
_IMPORTS = re.compile(r'(?:^ *"?from \S+ import .*\n)+', re.MULTILINE)


def new_paper(root: Path, slug: str, *, year: int, **texts: str) -> list[Path]:
    """Copy the example under another name and add its sections to the profiles, or nothing; the files written.

    ``texts``: title, authors and url of the paper. Raises: UserError, a slug that no Python module can have or that
    has files, or a text of several lines.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", slug) or len(slug) > 24:
        raise UserError(
            f"slug {slug!r}: expected lower-case words joined by underscores, 24 characters at most"
        )
    if slug == "index" or importlib.util.find_spec(slug) or keyword.iskeyword(slug):
        raise UserError(f"slug {slug}: has a meaning of its own in Python or here; choose another")
    for name, value in texts.items():
        if len(value.strip().splitlines()) != 1:
            raise UserError(f"--{name} {value!r}: expected one line of text")
    made: dict[Path, str] = {}
    for source in sorted(EXAMPLE.iterdir()):
        if source.suffix in (".py", ".ipynb", ".yaml") and source.name != "profiles.yaml":
            text = source.read_text(encoding="utf-8").replace("example_paper", slug)
            text = text.replace("year: 2000", f"year: {year}")
            for name, value in texts.items():
                text = text.replace(name.upper(), json.dumps(value, ensure_ascii=False)[1:-1])
            place = PLACES.get(source.name, f"notebooks/{slug}/{source.name}").format(slug=slug)
            made[root / place] = _IMPORTS.sub(_in_order, text)
    if there := [path for path in made if path.exists()]:
        raise UserError(f"{there[0].relative_to(root).as_posix()}: exists; choose another slug")
    for profile, values in yaml.safe_load((EXAMPLE / "profiles.yaml").read_text(encoding="utf-8")).items():
        path = paths.profile_path(root, profile)
        section = yaml.safe_dump(values, default_flow_style=True, sort_keys=False).strip()
        made[path] = f"{path.read_text(encoding='utf-8').rstrip()}\n{slug}: {section}\n"
    last = sorted(made, key=lambda path: path.suffix == ".ipynb")  # once the notebook is there, the paper is
    with ExitStack() as moves:  # all is written before anything is moved; what is entered first is moved last
        for path in reversed(last):
            moves.enter_context(replacing(path)).write_text(made[path], encoding="utf-8")
    return last


def _in_order(block: re.Match[str]) -> str:
    """Imports sorted by module, whose names have changed: the linter wants it."""
    return "".join(sorted(block[0].splitlines(keepends=True), key=lambda line: line.split()[1]))
