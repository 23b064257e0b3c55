import pytest
import torch
from torch import nn

from papers_lib.sweep.context import RunFailed
from papers_lib.training.loop import train

X = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
Y = X @ torch.tensor([1.0, -2.0, 0.5])


def model() -> nn.Module:
    net = nn.Linear(3, 1)
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    return net


def squared(net, index):
    error = (net(X[index])[:, 0] - Y[index]) ** 2
    return error.mean(), {"worst": error.max()}


def fit(net, epochs, **kwargs):
    optimizer = kwargs.pop("optimizer", None) or torch.optim.SGD(net.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(1)
    return train(
        net, squared, 20, optimizer=optimizer, epochs=epochs, batch_size=8, generator=generator, **kwargs
    )


def test_one_full_batch_step_by_hand():
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    train(net, squared, 20, optimizer=optimizer, epochs=1, batch_size=20, generator=torch.Generator())
    gradient = -2 * (Y[:, None] * X).mean(0)  # of mean (w x - y)² at w = 0
    torch.testing.assert_close(net.weight[0], -0.5 * gradient)


def test_losses_fall_and_the_last_small_batch_counts_by_its_size():
    net = model()
    history = fit(net, 30)
    assert history.last("loss") < 1e-3 < history.epochs[0]["loss"]
    assert set(history.epochs[0]) == {"loss", "worst"}
    frozen = fit(model(), 1, optimizer=torch.optim.SGD(model().parameters(), lr=0.1))
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
    def broken(net, index):
        loss = net(X[index]).sum()
        return loss * float("nan"), {}

    net = model()
    with pytest.raises(RunFailed, match="epoch 1 of 3") as caught:
        train(net, broken, 20, optimizer=torch.optim.SGD(net.parameters(), lr=0.1), epochs=3, batch_size=8,
              generator=torch.Generator())  # fmt: skip
    assert caught.value.status == "diverged"


def test_going_on_from_a_checkpoint_gives_the_same_weights(tmp_path):
    whole = model()
    fit(whole, 4, optimizer=torch.optim.Adam(whole.parameters(), lr=0.1))

    class Killed(Exception):
        pass

    def die(net):
        die.epochs += 1
        if die.epochs == 3:
            raise Killed
        return {}

    die.epochs = 0
    file = tmp_path / "checkpoint"
    first = model()
    with pytest.raises(Killed):
        fit(first, 4, optimizer=torch.optim.Adam(first.parameters(), lr=0.1), validate=die, checkpoint=file,
            checkpoint_every=0.0)  # fmt: skip
    second = model()
    history = fit(second, 4, optimizer=torch.optim.Adam(second.parameters(), lr=0.1), checkpoint=file)
    assert len(history.epochs) == 4
    assert torch.equal(whole.weight, second.weight)


def test_a_damaged_checkpoint_is_said_and_training_starts_anew(tmp_path, capsys):
    file = tmp_path / "checkpoint"
    file.write_bytes(b"half a fi")
    net, whole = model(), model()
    fit(net, 2, checkpoint=file)
    fit(whole, 2)
    assert torch.equal(net.weight, whole.weight)
    assert "checkpoint is unreadable" in capsys.readouterr().out
    assert not file.exists()
