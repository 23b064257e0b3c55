"""The command on the generated set of each layout, on a damaged one and on a folder that is none."""

import subprocess
import sys
from pathlib import Path

import pytest

from data_gen import cardiac_mri, chest, chest_chexpert, chest_vindr, scenes
from papers_lib.companion.cli import main

SETS = {
    "cardiac slices": (
        cardiac_mri.write,
        cardiac_mri.CardiacSpec(2, 5, 3, 3),
        "images    11, each with a mask",
    ),
    "Pascal VOC": (scenes.write, scenes.ScenesSpec(train=4, test=3), "images    7"),
    "NIH ChestX-ray14": (chest.write, chest.ChestSpec(train_val=24, test=6, side=64), "images    30"),
    "VinDr-CXR": (chest_vindr.write, chest_vindr.VindrSpec(images=20, side=64), "images    20"),
    "CheXpert": (
        chest_chexpert.write,
        chest_chexpert.ChexpertSpec(train=6, valid=12, side=64),
        "images    18",
    ),
}


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], list[str]]:
    with pytest.raises(SystemExit) as stopped:
        main(["data", "check", *arguments])
    said = capsys.readouterr()
    return int(stopped.value.code or 0), said.out.splitlines(), said.err.splitlines()


@pytest.mark.parametrize("name", SETS)
def test_generated_sets_have_no_problem(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write, spec, images = SETS[name]
    root = write(tmp_path / "set", spec)
    code, out, _ = check(capsys, str(root))
    assert out[0].startswith(f"layout    {name} (by ")
    assert "kind      stand-in" in out
    assert images in out
    assert "problems  none" in out
    assert out[-1].startswith("run       papers run ")
    assert code == 0


def test_problems_are_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = cardiac_mri.write(tmp_path / "set", cardiac_mri.CardiacSpec(1, 3, 1, 1))
    for path in sorted((root / "images").iterdir())[:3]:
        path.write_bytes(b"no picture")
    code, out, _ = check(capsys, str(root), "--problems", "2")
    assert code == 1
    start = out.index("problems  3")
    assert all(
        "not a readable PNG" in line or "cannot be decoded" in line for line in out[start + 1 : start + 3]
    )
    assert out[start + 3] == "  … and 1 more (--problems 3 shows all)"


def test_another_folder_is_code_2_and_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom papers_lib.companion.cli import main\n"
        f"try: main(['data', 'check', {str(tmp_path)!r}])\n"
        "except SystemExit as stopped:\n"
        "    print(stopped.code, [name for name in ('torch', 'numpy', 'PIL') if name in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "2 []\n"
    assert answer.stderr.startswith(f"papers: {tmp_path}: found nothing, no data set; looked for slices.csv")
