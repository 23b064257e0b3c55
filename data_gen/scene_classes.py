"""Classes of the synthetic scenes: five bodies, each in two classes that differ only in the kind of one part.

Bodies and kinds form a cycle (disc: ring, cross; block: cross, moon; wedge: moon, star; …), so that a kind
occurs on two bodies: neither the body nor the part alone gives the class away.

Frequencies span what Pascal VOC 2012's do: from 31 %, the share of person (8566 of the 27450 objects of
trainval), to 2.5 %, about that of train (628). Who looks at bodies alone is right for 61 % of the objects at best
(``best_share("body")``), who looks at parts alone for 67.5 %.
"""

from typing import Literal, NamedTuple

import numpy as np

BODIES = ("disc", "block", "wedge", "gear", "drop")
KINDS = ("ring", "cross", "moon", "star", "bars")
DECOYS = ("triangle", "dots", "half", "checks")  # look like parts, belong to no class
FREQUENCIES = (0.31, 0.14, 0.12, 0.10, 0.085, 0.075, 0.06, 0.05, 0.035, 0.025)
MOST_OBJECTS = 12
STOP = 0.417  # of the geometric law of counts, whose mean is VOC's 2.38 when cut off beyond 12


class SceneClass(NamedTuple):
    """A class: its body and the kind of its deciding part."""

    body: str
    kind: str

    @property
    def name(self) -> str:
        """The class name in annotations, such as "disc-ring"."""
        return f"{self.body}-{self.kind}"


CLASSES = tuple(
    SceneClass(body, KINDS[(i + step) % len(KINDS)]) for i, body in enumerate(BODIES) for step in (0, 1)
)
"""All classes, the most frequent first, in the order of ``FREQUENCIES``."""


def partner(one: SceneClass) -> SceneClass:
    """Return the class with the same body and the other part.

    Raises:
        ValueError: ``one`` is not in ``CLASSES``.

    >>> partner(SceneClass("disc", "ring")).name
    'disc-cross'
    """
    pair = [other for other in CLASSES if other.body == one.body]
    if one not in pair:
        raise ValueError(f"one: found {one.name!r}, expected one of the ten classes")
    return pair[1 - pair.index(one)]


def best_share(by: Literal["body", "kind"]) -> float:
    """Return the share of objects that a guess by body (or by kind) alone gets right at best.

    >>> round(best_share("body"), 3), round(best_share("kind"), 3)
    (0.61, 0.675)
    """
    best: dict[str, float] = {}
    for one, share in zip(CLASSES, FREQUENCIES, strict=True):
        key = getattr(one, by)
        best[key] = max(best.get(key, 0.0), share)
    return sum(best.values())


def draw_classes(generator: np.random.Generator) -> list[SceneClass]:
    """Draw the classes of one scene's objects: 1 to 12 of them, 2.38 on average as in VOC, independently.

    VOC 2012 trainval has 27450 objects in 11540 images.
    """
    counts = np.arange(1, MOST_OBJECTS + 1)
    law = (1 - STOP) ** (counts - 1)
    count = generator.choice(counts, p=law / law.sum())
    return [CLASSES[i] for i in generator.choice(len(CLASSES), size=count, p=FREQUENCIES)]
