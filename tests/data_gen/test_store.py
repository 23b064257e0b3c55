"""A set is written once, whole or not at all, in a folder that spec and code name."""

import functools
import importlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_gen import cardiac_mri
from data_gen.store import ensure, fingerprint
from papers_lib.errors import UserError
from papers_lib.sweep.digest import closure


@dataclass(frozen=True)
class Spec:
    size: int = 1


def one_file(folder: Path, spec: Spec) -> None:
    (folder / "a.txt").write_text("x" * spec.size)


def test_a_set_is_written_once(tmp_path) -> None:
    calls = []

    @functools.wraps(one_file)
    def counting(folder, spec):
        calls.append(spec)
        one_file(folder, spec)

    first, second = (ensure(tmp_path, "set", Spec(3), counting) for _ in range(2))
    assert first == second
    assert first.name.startswith("set-")
    assert (first / "a.txt").read_text() == "xxx"
    assert calls == [Spec(3)]
    assert ensure(tmp_path, "set", Spec(4), counting) != first


@pytest.mark.parametrize(
    ("raised", "seen"), [(ValueError("no"), ValueError), (OSError(28, "full"), UserError)]
)
def test_a_writer_that_fails_leaves_nothing(tmp_path, raised, seen) -> None:
    def failing(folder, spec):
        one_file(folder, spec)
        raise raised

    with pytest.raises(seen):
        ensure(tmp_path, "set", Spec(), failing)
    assert list(tmp_path.iterdir()) == []


def test_the_fingerprint_follows_spec_and_code_and_not_prose(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "generator_under_test.py"
    path.write_text("def writer(folder, spec):\n    return 1\n")
    writer = importlib.import_module("generator_under_test").writer
    before = fingerprint(Spec(), writer)
    assert fingerprint(Spec(), functools.partial(writer, jobs=2)) == before
    assert fingerprint(Spec(2), writer) != before
    path.write_text('def writer(folder, spec):\n    """Now with words."""\n    return 1  # one\n')
    assert fingerprint(Spec(), writer) == before
    path.write_text("def writer(folder, spec):\n    return 2\n")
    assert fingerprint(Spec(), writer) != before


def test_the_code_is_the_generators_modules_and_what_they_share() -> None:
    read = closure([cardiac_mri.__name__])
    assert {"data_gen.cardiac_slice", "data_gen.generator", "papers_lib.datasets.cardiac"} <= set(read)
    assert not {"data_gen.chest", "papers_lib.datasets.voc", "papers_lib.datasets.nih_cxr14"} & set(read)
