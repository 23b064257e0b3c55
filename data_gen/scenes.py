"""Synthetic scenes in Pascal VOC's layout, the stand-in for VOC in the paper on the entropy of CAMs.

Frozen before the first training run: the commit that brings this generator in precedes every training run on
its scenes, and no model was trained or probed to choose its constants; they were chosen by eye. A change of
any constant is a new data set with a new fingerprint (``data_gen.store``), and takes all results with it.

A scene is 500 x 375 or 375 x 500 pixels and shows 1 to 12 objects of ten classes over textured ground,
clutter, stray marks and a few thin lines in front. The classes are five bodies, each with two kinds of one
part (``data_gen.scene_classes``): colours, textures, orientation, proportions, place and size of the body,
and looks, angle and place of the part are drawn the same for both, so that within a pair only the sign on
the part tells the class. The part takes 6 to 10 % of the box's area and always shows whole. Decoy marks
look like parts and carry signs of no class; they lie on bodies and on the ground.

Layout, as `papers_lib.datasets.voc` reads it::

    ROOT/VOC2012/Annotations/ID.xml          objects with box, truncated, occluded, difficult = 0, and one <part>
    ROOT/VOC2012/JPEGImages/ID.jpg           quality 92
    ROOT/VOC2012/ImageSets/Main/             trainval.txt, test.txt; the same in ImageSets/Segmentation/
    ROOT/VOC2012/SegmentationObject/ID.png   number of the object in the annotation's order, 0 background
    ROOT/VOC2012/SegmentationClass/ID.png    number of the class in the order of the sorted names, from 1
    ROOT/dataset.json                        {"name", "kind": "stand-in", "generator", "parameters"}

A box is tight around the visible pixels of its object in SegmentationObject. A scene depends on (seed,
split, index) alone: splits share no draws, processes make no difference, and a split of 100 is the
beginning of the same split of 1000.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from data_gen.scene_files import FOLDERS, LISTS, YEAR, write_scene
from data_gen.scene_paint import Scene, draw_scene
from papers_lib.errors import UserError
from papers_lib.files import replacing_folder, write_json

SPLITS = {"trainval": "train", "test": "test"}  # name of the list → field of the spec


@dataclass(frozen=True)
class ScenesSpec:
    """What to generate: the number of training and of test scenes, and the seed.

    Raises:
        UserError: a negative count or seed, or no scene at all.
    """

    train: int = 600
    test: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("train", "test", "seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise UserError(f"{name}: found {value!r}, expected a whole number of at least 0")
        if not self.train + self.test:
            raise UserError("train, test: both are 0, expected at least one scene")

    def names(self, split: str) -> list[str]:
        """Image names of ``split`` (trainval or test), in order."""
        return [f"{split}_{index:06d}" for index in range(getattr(self, SPLITS[split]))]


def draw(spec: ScenesSpec, split: str, index: int) -> Scene:
    """Draw scene ``index`` of ``split`` in memory; ``data_gen.scene_paint.paint`` gives picture and masks.

    Raises:
        UserError: ``split`` is not trainval or test.
    """
    if split not in SPLITS:
        raise UserError(f"split: found {split!r}, expected one of {', '.join(SPLITS)}")
    key = (list(SPLITS).index(split), index)
    return draw_scene(np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=key)))


def write(root: str | Path, spec: ScenesSpec, jobs: int = 1) -> Path:
    """Write all scenes under ``root``, whole or not at all, and return ``root``.

    ``jobs`` is the number of processes (0: one for each core); the files do not depend on it.

    Raises:
        UserError: ``root`` is there already and not empty, cannot be written, or ``jobs`` is negative.
    """
    root = Path(root)
    if jobs < 0:
        raise UserError(f"jobs: found {jobs}, expected at least 0")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UserError(f"{root}: is there already, expected a new or an empty folder")
    work = [(split, i, name) for split in SPLITS for i, name in enumerate(spec.names(split))]
    processes = min(jobs or os.cpu_count() or 1, len(work))
    with replacing_folder(root) as temporary:
        folder = temporary / YEAR
        for name in (*FOLDERS, *LISTS):
            (folder / name).mkdir(parents=True)
        if processes == 1:
            for one in work:
                _write_one(folder, spec, *one)
        else:
            from joblib import Parallel, delayed

            Parallel(n_jobs=processes)(delayed(_write_one)(folder, spec, *one) for one in work)
        for split in SPLITS:
            lines = "".join(f"{name}\n" for name in spec.names(split))
            for place in LISTS:
                (folder / place / f"{split}.txt").write_text(lines, encoding="utf-8")
        description = {
            "name": "synthetic scenes",
            "kind": "stand-in",
            "generator": "data_gen.scenes",
            "parameters": asdict(spec),
        }
        write_json(temporary / "dataset.json", description)
    return root


def _write_one(folder: Path, spec: ScenesSpec, split: str, index: int, name: str) -> None:
    write_scene(folder, name, draw(spec, split, index))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: ``python -m data_gen.scenes ROOT --train 600 --test 300``."""
    parser = argparse.ArgumentParser(prog="python -m data_gen.scenes", description=main.__doc__)
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder to write, new or empty")
    for name in ("train", "test", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(ScenesSpec, name), help="%(default)s")
    parser.add_argument("--jobs", type=int, default=1, help="processes; 0 means one for each core")
    given = vars(parser.parse_args(arguments))
    root, jobs = given.pop("root"), given.pop("jobs")
    try:
        write(root, ScenesSpec(**given), jobs)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
