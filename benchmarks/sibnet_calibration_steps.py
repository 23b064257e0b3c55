"""Time of a training step with the Sibnet report's saliency losses and MIMO, over that of a plain one.

The network of the report at its size: DenseNet-121, all of it trained, five labels, 224 x 224 px; batch 4 on a CPU, 16
on a GPU. Weights are random, which costs the same. The maps of all classes come from the pass that gives the logits.
``random_encoded`` and ``random`` feed noise in place of the maps, which the report says slows nothing down: that
depends on whether the noise is encoded again.

MIMO with two inputs stands beside the plain network at an equal number of images a step, on the network that the
experiment trains. The variance of the sampled estimator's gradient stands in ``sibnet_calibration_variance``; spatial
coherence alone is timed against loops in ``sibnet_calibration_coherence``.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.interleaved import interleaved, rows_over
from benchmarks.sibnet_calibration_variance import relative_variances
from papers_lib.losses.class_distinctiveness import class_distinctiveness_loss
from papers_lib.losses.saliency_images import as_images
from papers_lib.losses.spatial_coherence import spatial_coherence
from papers_lib.models.eval_statistics import eval_statistics
from papers_lib.models.mimo import Mimo, independent_shuffles
from papers_lib.models.multilabel_classifier import MultilabelClassifier, multilabel_classifier
from sibnet_calibration.experiment import SibnetRun, build

CLASSES = 5
DISTINCT, COHERENT = 1.4, 30.0  # weights of the terms; their size costs nothing
SHARES = {"share_1": 1.0, "share_1_2": 0.5, "share_1_4": 0.25}
SPARING = {
    "plain": "BCE",
    "share_1": "BCE + class distinctiveness, a pair of every image (ours)",
    "share_1_2": "BCE + class distinctiveness, a pair of half of the images (ours)",
    "share_1_4": "BCE + class distinctiveness, a pair of a quarter of the images (ours)",
    "raw": "BCE + class distinctiveness of the maps themselves",
    "random": "BCE + class distinctiveness of noise, not encoded",
    "coherence": "BCE + spatial coherence of all maps",
}
WHOLE = {
    "exact": "BCE + class distinctiveness, all pairs",
    "maps": "BCE + class distinctiveness, all pairs, gradient through the maps only",
    "encoder": "BCE + class distinctiveness, all pairs, gradient through the second pass only",
    "random_encoded": "BCE + class distinctiveness of noise, encoded",
    "both": "BCE + class distinctiveness, all pairs, + spatial coherence",
}
LABELS = SPARING | WHOLE
MIMO = {"mimo_plain": "BCE, one input", "mimo_2": "BCE, MIMO with 2 inputs, each image 4 times"}
SIZES = {"cpu": (224, 4), "cuda": (224, 16)}  # side and batch
ROUNDS = 3  # of the ways that encode few maps or none
WHOLE_ROUNDS = 2  # of those that encode all: a round takes as long as 25 plain steps
MIMO_ROUNDS = 8
MIMO_SIDE = 96  # px, as in the experiment


class Steps:
    """The classifier and one batch: see the top of this module.

    Args: backbone, side, batch, last_stage: of what is timed; device.
    """

    def __init__(
        self,
        backbone: str = "densenet121",
        device: str = "cpu",
        side: int = 224,
        batch: int = 4,
        last_stage: str = "",
    ) -> None:
        self.generator = torch.Generator().manual_seed(0)
        model = multilabel_classifier(
            backbone, CLASSES, generator=self.generator, weights="random", last_stage=last_stage
        )
        self.model: MultilabelClassifier = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.x, self.y = _batch(batch, side, self.generator, device)
        self.size = (side, side)
        self.losses: dict[str, Callable[[], Tensor]] = {
            "plain": partial(self.loss),
            **{name: partial(self.loss, self.distinct, share=share) for name, share in SHARES.items()},
            "raw": partial(self.loss, self.distinct, encoded=False),
            "random": partial(self.loss, self.distinct, encoded=False, noise=True),
            "coherence": partial(self.loss, self.coherent),
            "exact": partial(self.loss, self.distinct),
            "maps": partial(self.loss, self.distinct, through="maps"),
            "encoder": partial(self.loss, self.distinct, through="encoder"),
            "random_encoded": partial(self.loss, self.distinct, noise=True),
            "both": partial(self.loss, self.distinct, self.coherent),
        }
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-5)

    def loss(self, *terms: Callable[..., Tensor], **options: Any) -> Tensor:
        """BCE and the terms on the maps of the same pass; options are those of the first term."""
        seen = self.model.train().see(self.x)
        total = binary_cross_entropy_with_logits(seen.logits, self.y)
        for number, term in enumerate(terms):
            total = total + term(seen.maps, **(options if number == 0 else {}))
        return total

    def distinct(
        self,
        maps: Tensor,
        *,
        share: float | None = None,
        encoded: bool = True,
        noise: bool = False,
        through: str = "both",
    ) -> Tensor:
        """Weighted class distinctiveness; share None has all pairs of all images, noise other maps of that shape."""
        if noise:
            maps = torch.rand(maps.shape, generator=self.generator).to(maps)
        with eval_statistics(self.model.features):
            found = class_distinctiveness_loss(
                maps,
                self.model.features if encoded else None,
                size=self.size,
                channels=3,
                estimator="all" if share is None else "sampled",
                share=share or 1.0,
                generator=None if share is None else self.generator,
                through=through,  # type: ignore[arg-type]
            )
        return DISTINCT * found

    def coherent(self, maps: Tensor) -> Tensor:
        """Weighted spatial coherence of all maps at the images' size."""
        return COHERENT * spatial_coherence(as_images(maps.flatten(0, 1), self.size)[:, 0], reduction="mean")


def _batch(count: int, side: int, generator: torch.Generator, device: str) -> tuple[Tensor, Tensor]:
    images = torch.rand(count, 3, side, side, generator=generator)
    labels = torch.randint(2, (count, CLASSES), generator=generator).float()
    return images.to(device, memory_format=torch.channels_last), labels.to(device)


def steps_table(
    steps: Steps, rounds: int, whole_rounds: int, network: str, device: str
) -> list[dict[str, Any]]:
    """A row a way, over BCE; the ways that encode all maps have fewer rounds, with BCE among them.

    ``term`` is what a way adds to BCE over what the exact loss adds.
    """
    few = interleaved({name: steps.losses[name] for name in SPARING}, steps.optimizer, rounds, device)
    whole = {name: steps.losses[name] for name in ("plain", *WHOLE)}
    all_maps = interleaved(whole, steps.optimizer, whole_rounds, device, warm_up=0)  # the network is warm
    rows = rows_over(few, "plain", network, LABELS)
    rows += rows_over(all_maps, "plain", network, LABELS)[1:]
    added = {row["key"]: row["ratio"] - 1 for row in rows}
    return [row | {"term": round(added[row["key"]] / added["exact"], 3)} for row in rows]


class Several:
    """The experiment's network with one input and with two, all trained, and one batch for each.

    Args: batch, images a step of either: the MIMO network sees a quarter as many, each four times; side, device.
    """

    def __init__(self, batch: int = 32, side: int = MIMO_SIDE, device: str = "cpu") -> None:
        self.run = SibnetRun(seed=0, weights="random", train_from="")
        wide = SibnetRun(seed=0, weights="random", train_from="", inputs=2)
        self.plain, self.wide = (build(one, CLASSES).to(device).train() for one in (self.run, wide))
        for model in (self.plain, self.wide):
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.generator = torch.Generator().manual_seed(0)
        self.x, self.y = _batch(batch, side, self.generator, device)
        self.few = max(1, batch // wide.repetition)
        self.repetition = wide.repetition
        self.losses = {"mimo_plain": self.one, "mimo_2": self.two}
        self.optimizer = torch.optim.Adam([*self.plain.parameters(), *self.wide.parameters()], lr=1e-5)

    def one(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.plain(self.x), self.y)

    def two(self) -> Tensor:
        table = independent_shuffles(
            torch.arange(self.few), 2, repetition=self.repetition, generator=self.generator
        )
        rows = table.to(self.x.device)
        logits = Mimo(self.wide, inputs=2, classes=CLASSES)(self.x[rows])
        return binary_cross_entropy_with_logits(logits, self.y[rows])


def table(
    device: str = "cpu",
    rounds: int = ROUNDS,
    whole_rounds: int = WHOLE_ROUNDS,
    mimo_rounds: int = MIMO_ROUNDS,
    several: Mapping[str, Any] | None = None,
    variance: Mapping[str, Any] | None = None,
    **size: Any,
) -> list[dict[str, Any]]:
    """All rows; "ratio" and "over", the labels of what it is a ratio to, are what the notebook reads.

    Rows of sampled estimators have "variance" too, and "variance x cost": times the step's ratio to BCE.

    Args: rounds, whole_rounds, mimo_rounds, of steps; several, variance, sizes of the other parts; size, of
        :class:`Steps` in place of ``SIZES``.
    """
    side, batch = SIZES[device.partition(":")[0]]
    size = {"side": side, "batch": batch, **size}
    steps = Steps(device=device, **size)
    rows = steps_table(steps, rounds, whole_rounds, "DenseNet-121", device)
    del steps
    rows = [row | {"size": f"batch {size['batch']}, {size['side']} px"} for row in rows]
    found = relative_variances(SHARES, device=device, **(variance or {}))
    for row in rows:
        if row["key"] in found:
            relative = found[row["key"]]
            row |= {"variance": round(relative, 4), "variance x cost": round(relative * row["ratio"], 4)}
    mimo = Several(device=device, **(several or {}))
    times = interleaved(mimo.losses, mimo.optimizer, mimo_rounds, device)
    shape = f"batch {len(mimo.x)}, {mimo.x.shape[-1]} px"
    return rows + [
        row | {"size": shape} for row in rows_over(times, "mimo_plain", "EfficientNet-Lite0, cut", MIMO)
    ]
