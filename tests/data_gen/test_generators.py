"""What holds for every generator: processes, lengths and seeds, folders written whole, the spec, the command line."""

import json

import pytest

from data_gen import cardiac_mri, chest, chest_chexpert, chest_vindr, generator, scenes
from papers_lib.errors import UserError

GENERATORS = {
    "cardiac_mri": (cardiac_mri, cardiac_mri.CardiacSpec, {"experiment": 2, "train": 5, "val": 3, "test": 2}),
    "scenes": (scenes, scenes.ScenesSpec, {"train": 4, "test": 2}),
    "chest": (chest, chest.ChestSpec, {"train_val": 4, "test": 5, "side": 64}),
    "chest_vindr": (chest_vindr, chest_vindr.VindrSpec, {"images": 6, "side": 64}),
    "chest_chexpert": (chest_chexpert, chest_chexpert.ChexpertSpec, {"train": 4, "valid": 5, "side": 64}),
}
EVERY = pytest.mark.parametrize("name", GENERATORS)


def content(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@EVERY
def test_files_do_not_depend_on_processes_or_on_the_length_of_a_split(tmp_path, monkeypatch, name) -> None:
    module, spec, sizes = GENERATORS[name]
    whole = content(module.write(tmp_path / "one", spec(**sizes)))
    monkeypatch.setattr(generator, "CHUNK", 2)
    assert content(module.write(tmp_path / "two", spec(**sizes), jobs=2)) == whole
    fewer = {key: value if key in ("experiment", "side") else 1 for key, value in sizes.items()}
    short = content(module.write(tmp_path / "short", spec(**fewer)))
    pictures = [file for file in short if file.endswith((".png", ".jpg", ".xml"))]
    assert pictures
    assert all(short[file] == whole[file] for file in pictures)
    other = content(module.write(tmp_path / "other", spec(**fewer, seed=1)))
    changed = [file for file in other if file.endswith((".png", ".jpg")) and "masks" not in file]
    assert all(other[file] != whole.get(file) for file in changed)


@EVERY
def test_a_set_says_that_it_is_synthetic_and_what_made_it(tmp_path, name) -> None:
    module, spec, sizes = GENERATORS[name]
    arguments = [str(tmp_path / "set"), *(f"--{key}={value}" for key, value in sizes.items())]
    assert generator.command(spec, module.write, arguments) == 0
    description = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert description["kind"] == "synthetic data"
    assert description["generator"] == f"data_gen.{name}"
    assert spec(**description["parameters"]) == spec(**sizes)


@EVERY
def test_nothing_is_written_over_and_nothing_half_written_stays(tmp_path, monkeypatch, capsys, name) -> None:
    module, spec, sizes = GENERATORS[name]
    (tmp_path / "note.txt").write_text("mine")
    arguments = [str(tmp_path), *(f"--{key}={value}" for key, value in sizes.items())]
    assert generator.command(spec, module.write, arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is there already, expected a new or an empty folder" in error

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_description", fail)
    with pytest.raises(UserError, match=r"set: cannot be written \(No space left on device\)"):
        module.write(tmp_path / "set", spec(**sizes))
    with pytest.raises(UserError, match="jobs: found -1"):
        module.write(tmp_path / "set", spec(**sizes), jobs=-1)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("cardiac_mri", {"experiment": 3}, "experiment: found 3, expected 1 or 2"),
        ("cardiac_mri", {"train": 0, "val": 0, "test": 0}, "all are 0"),
        ("chest", {"test": True}, "test: found True"),
        ("chest", {"odds": float("nan")}, "odds: found nan"),
        ("chest_chexpert", {"train": 64541}, "train: found 64541, expected at most 64540"),
    ],
)
def test_a_bad_parameter_is_named(name, wrong, message) -> None:
    _, spec, sizes = GENERATORS[name]
    with pytest.raises(UserError, match=message):
        spec(**(sizes | wrong))
