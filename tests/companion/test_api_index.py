"""The index of what can be imported."""

from pathlib import Path

import pytest

from papers_lib.companion import api_index
from papers_lib.errors import UserError

ROOT = Path(__file__).resolve().parents[2]

MODULE = '''"""Masks: where a model may look.

More."""
from typing import overload

@overload
def grow(mask): ...
def grow(mask, /, *sizes, by=1, **rest):
    """Grow ``mask`` as :func:`papers_lib.x.shrink` shrinks it (Li et al. 2018, e.g. by 3.5 px). Returns: it.

    Args: many.
    """
def _own(): ...
class Mask:
    """A mask"""
'''


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("notebooks", "docs", "papers_lib/losses"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "papers_lib/losses/masks.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_published_index_is_current() -> None:
    assert (ROOT / api_index.PAGE).read_text(encoding="utf-8") == api_index.page(ROOT), (
        "python -m papers_lib.companion.api_index writes it again"
    )


def test_every_listed_name_says_what_it_is() -> None:
    assert [line for line in api_index.page(ROOT).splitlines() if line.endswith(("`: .", "`: "))] == []


def test_a_module_its_functions_and_first_sentences(checkout: Path) -> None:
    assert api_index.main([]) == 0
    assert (checkout / api_index.PAGE).read_text().split("## Losses")[1].split("## Models")[0] == (
        "\n\n### [papers_lib.losses.masks](../papers_lib/losses/masks.py)\n\nMasks.\n\n"
        "- `grow(mask, *sizes, by, **rest)`: Grow `mask` as `papers_lib.x.shrink` shrinks it "
        "(Li et al. 2018, e.g. by 3.5 px).\n"
        "- `Mask`: A mask.\n\n"
    )


def test_an_index_that_is_behind_is_refused(checkout: Path) -> None:
    with pytest.raises(UserError, match=r"^docs/api.md: not what the docstrings say"):
        api_index.main(["--check"])
    api_index.main([])
    assert api_index.main(["--check"]) == 0
    source = checkout / "papers_lib/losses/masks.py"
    source.write_text(MODULE.replace("A mask", "A region"))
    with pytest.raises(UserError, match="api_index writes it"):
        api_index.main(["--check"])
