import torch
from torch import nn

from papers_lib.training.plateau import Fit
from pylon.phases import load_phase, save_phase

FIT = Fit([{"epoch": 1.0, "loss": 0.5, "rate": 0.1}], 0, True)


def test_a_phase_comes_back_whole(tmp_path):
    model, generator = nn.Linear(2, 2), torch.Generator().manual_seed(3)
    save_phase(tmp_path / "phase", model, generator, FIT)
    expected = torch.rand(4, generator=generator)
    other, drawn = nn.Linear(2, 2), torch.Generator()
    assert load_phase(tmp_path / "phase", other, drawn) == FIT
    assert torch.equal(other.weight, model.weight)
    assert torch.equal(torch.rand(4, generator=drawn), expected)


def test_no_file_and_a_damaged_one_start_anew(tmp_path, capsys):
    model, generator = nn.Linear(2, 2), torch.Generator().manual_seed(3)
    before, state = model.weight.clone(), generator.get_state()
    assert load_phase(tmp_path / "phase", model, generator) is None
    (tmp_path / "phase").write_bytes(b"half a fi")
    assert load_phase(tmp_path / "phase", model, generator) is None
    assert not (tmp_path / "phase").exists()
    assert torch.equal(model.weight, before)
    assert torch.equal(generator.get_state(), state)
    assert "is unreadable" in "".join(capsys.readouterr())
