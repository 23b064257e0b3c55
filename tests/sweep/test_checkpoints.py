"""Checkpoints that are damaged or foreign; what torch would make of them is the reason for the module."""

import random
from pathlib import Path

import pytest
import torch
from torch import nn

from papers_lib.sweep import checkpoints
from papers_lib.training.loop import train


def fit(path: Path, width: int = 300, epochs: int = 2) -> None:
    torch.manual_seed(0)
    model, inputs = nn.Linear(width, 1), torch.ones(4, width)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train(
        model, lambda net, index: (net(inputs[index]).square().mean(), {}), 4, optimizer=optimizer,
        epochs=epochs, batch_size=4, generator=torch.Generator(), checkpoint=path, checkpoint_every=0.0,
    )  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "key.checkpoint"
    fit(path)
    return path


def test_every_flipped_byte_that_torch_would_load_is_noticed(saved: Path, capsys) -> None:
    whole, generator, silent = saved.read_bytes(), random.Random(0), 0
    good = torch.load(saved, weights_only=True)["model"]["weight"]
    for _ in range(60):
        place = generator.randrange(len(whole))
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            other = not torch.equal(torch.load(saved, weights_only=True)["model"]["weight"], good)
        except Exception:
            other = False  # the training code says that it is unreadable
        checkpoints.put_away_damaged(saved)
        assert not (other and saved.exists())
        silent += other
    assert "is damaged (its checksum does not fit); the run starts anew" in capsys.readouterr().out
    assert silent  # else torch has begun to look, and the module can go


def test_whole_ones_and_those_of_other_runs_stay(saved: Path, capsys) -> None:
    content, other = saved.read_bytes(), saved.with_name("other.checkpoint")
    part = saved.with_name("key.checkpoint.phase0")
    middle = len(content) // 2
    for path in (part, other):
        path.write_bytes(content[:middle] + bytes(64) + content[middle + 64 :])
    checkpoints.put_away_damaged(saved)
    assert checkpoints.of_run(saved) == [saved]
    assert (saved.read_bytes(), other.exists()) == (content, True)
    assert capsys.readouterr().out.count("\n") == 1
    part.touch()
    checkpoints.remove(saved)
    assert list(saved.parent.iterdir()) == [other]


def test_a_checkpoint_of_another_model_is_told_from_other_errors(saved: Path) -> None:
    with pytest.raises(RuntimeError, match="loading state_dict") as caught:
        fit(saved, width=4, epochs=3)
    assert checkpoints.refused(caught.value)
    with pytest.raises(RuntimeError) as caught:
        nn.Linear(3, 1)(torch.ones(2))
    assert not checkpoints.refused(caught.value)


def test_want_of_memory_while_one_is_loaded_keeps_it(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        OSError(5, "Input/output error"),
    ):

        def refuse(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(nn.Linear, "load_state_dict", refuse)
        with pytest.raises(type(error)) as caught:
            fit(saved, epochs=3)
        assert not checkpoints.refused(caught.value)


def test_one_that_another_command_removes_in_the_meantime_is_not_called_damaged(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def gone(path: Path) -> bool:
        path.unlink()
        return True

    monkeypatch.setattr(checkpoints.zipfile, "is_zipfile", gone)
    checkpoints.put_away_damaged(saved)
    assert capsys.readouterr().out == ""
