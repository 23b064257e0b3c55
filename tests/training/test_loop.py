import pytest
import torch
from torch import nn

from papers_lib.sweep import RunFailed
from papers_lib.training import load_checkpoint, save_checkpoint, train

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


def saved_of(file, width=1):
    """The checkpoint of another training, of a layer of ``width`` outputs."""
    other = nn.Linear(3, width)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    state = {"model": other.state_dict(), "optimizer": optimizer.state_dict()}
    save_checkpoint(file, {**state, "generator": torch.Generator().get_state(), "history": [{"loss": 1.0}]})


def test_one_that_is_damaged_or_of_another_model_is_said_and_training_starts_anew(tmp_path, capsys):
    file, whole = tmp_path / "checkpoint", model()
    fit(whole, 2)
    for spoil, said in (
        (lambda: file.write_bytes(b"half a fi"), "checkpoint is unreadable (BadZipFile)"),
        (lambda: saved_of(file, width=2), "checkpoint does not fit the model (RuntimeError)"),
    ):
        spoil()
        net = model()
        fit(net, 2, checkpoint=file)
        assert torch.equal(net.weight, whole.weight)
        assert f"{said}; training starts anew" in capsys.readouterr().out
        assert not file.exists()


def test_no_altered_bit_of_a_weight_is_loaded(tmp_path):
    """torch does not look at its archive's checksums: it would load other weights."""
    file = tmp_path / "checkpoint"
    saved_of(file, width=64)
    content, weights = file.read_bytes(), load_checkpoint(file)["model"]["weight"]
    start = content.index(weights.numpy().tobytes())
    for place in range(start, start + 700, 97):
        altered = bytearray(content)
        altered[place] ^= 0x10
        file.write_bytes(altered)
        assert load_checkpoint(file) is None
        assert not file.exists()


def test_want_of_memory_while_one_is_loaded_keeps_it(tmp_path, monkeypatch):
    file = tmp_path / "checkpoint"
    for error in (
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        OSError(5, "Input/output error"),
    ):
        saved_of(file)

        def refuse(*_, error=error):
            raise error

        monkeypatch.setattr(nn.Linear, "load_state_dict", refuse)
        with pytest.raises(type(error)):
            fit(model(), 3, checkpoint=file)
        assert file.exists()
        monkeypatch.undo()
