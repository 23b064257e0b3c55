"""The loop against a step worked out by hand, and its checkpoints; tests/faults has damaged ones."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from papers_lib.sweep import RunFailed
from papers_lib.training import train

SGD, ADAM = partial(torch.optim.SGD, lr=0.1), partial(torch.optim.Adam, lr=0.1)
X = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
Y = X @ torch.tensor([1.0, -2.0, 0.5])


def model(width: int = 1) -> nn.Module:
    net = nn.Linear(3, width)
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    return net


def squared(net, index):
    error = (net(X[index])[:, 0] - Y[index]) ** 2
    return error.mean(), {"worst": error.max()}


def fit(net, epochs, *, objective=squared, make=SGD, batch_size=8, **options: Any):
    return train(
        net, objective, 20, optimizer=make(net.parameters()), epochs=epochs, batch_size=batch_size,
        generator=torch.Generator().manual_seed(1), **options,
    )  # fmt: skip


def test_one_full_batch_step_by_hand():
    net = model()
    fit(net, 1, batch_size=20)
    gradient = -2 * (Y[:, None] * X).mean(0)  # of mean (w x - y)² at w = 0
    torch.testing.assert_close(net.weight[0], -0.1 * gradient)


def test_losses_fall_and_the_last_small_batch_counts_by_its_size():
    history = fit(model(), 30)
    assert history.last("loss") < 1e-3 < history.epochs[0]["loss"]
    assert set(history.epochs[0]) == {"loss", "worst"}
    frozen = fit(model(), 1, make=partial(torch.optim.SGD, lr=0))
    assert frozen.last("loss") == pytest.approx(float((Y**2).mean()), rel=1e-5)


def test_validation_runs_in_eval_mode_without_gradients():
    seen = []

    def validate(net):
        seen.append((net.training, torch.is_grad_enabled()))
        return {"val": 1.0}

    net = model()
    assert fit(net, 2, validate=validate).epochs[1]["val"] == 1.0
    assert seen == [(False, False)] * 2
    assert not net.training


def test_a_nan_loss_is_an_outcome_with_its_epoch():
    with pytest.raises(RunFailed, match="epoch 1 of 3") as caught:
        fit(model(), 3, objective=lambda net, index: (net(X[index]).sum() * float("nan"), {}))
    assert caught.value.status == "diverged"


def broken_off(file, width=1, make=ADAM):
    """The checkpoint of a training of four epochs that was killed in the third."""
    calls = []

    def die(net):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        fit(model(width), 4, make=make, validate=die, checkpoint=file, checkpoint_every=0.0)


def test_going_on_from_a_checkpoint_gives_the_same_weights(tmp_path):
    whole, second = model(), model()
    fit(whole, 4, make=ADAM)
    broken_off(tmp_path / "checkpoint")
    assert len(fit(second, 4, make=ADAM, checkpoint=tmp_path / "checkpoint").epochs) == 4
    assert torch.equal(whole.weight, second.weight)


def test_want_of_memory_while_one_is_loaded_keeps_it(tmp_path, monkeypatch):
    file = tmp_path / "checkpoint"
    broken_off(file)
    for error in (
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        OSError(5, "Input/output error"),
    ):

        def refuse(*_, error=error):
            raise error

        monkeypatch.setattr(nn.Linear, "load_state_dict", refuse)
        with pytest.raises(type(error)):
            fit(model(), 3, checkpoint=file)
        assert file.exists()
