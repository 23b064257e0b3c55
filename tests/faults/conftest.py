"""A checkout whose page is made once a session, and copied for each fault."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from papers_lib.companion.cli import main
from tests.faults import checkout, quick_kernel
from tests.faults.bench import ROOT, Bench


def _plain(patch: pytest.MonkeyPatch, root: Path) -> None:
    for name in ("OUT", "DATA", "CACHE", "PROGRESS", "NONCE", "PARENT", "FORCE"):
        patch.delenv(f"PAPERS_{name}", raising=False)
    patch.setenv("PYTHONPATH", str(ROOT))  # a kernel finds the tests' modules
    patch.chdir(root)
    quick_kernel.install(patch)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout with a page and the cached runs behind it."""
    root = checkout.write(tmp_path_factory.mktemp("faults") / "checkout")
    with pytest.MonkeyPatch.context() as patch:
        _plain(patch, root)
        with pytest.raises(SystemExit) as stopped:
            main(["run"])
    assert stopped.value.code == 0
    return root


@pytest.fixture
def bench(made_once: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Bench]:
    """A bench; its own patch goes after those of a test, so that a disarmed handling is back by then."""
    root = Path(shutil.copytree(made_once, tmp_path / "checkout"))
    with pytest.MonkeyPatch.context() as patch:
        _plain(patch, root)
        yield Bench(root, capfd)
