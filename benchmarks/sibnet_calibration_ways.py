"""Second training stages of the Sibnet experiment that differ in how class distinctiveness is estimated.

What ``sibnet_calibration_rates`` compares: each goes on from one network, for a number of steps, and is measured by the
loss itself on the held-out part.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.interleaved import interleaved
from papers_lib.losses.class_distinctiveness import class_distinctiveness_loss
from sibnet_calibration.experiment import SibnetRun, Trained, build, objective_of
from sibnet_calibration.inputs import Inputs, frozen_part, open_images
from sibnet_calibration.losses import SaliencyTerms, label_loss
from sibnet_calibration.measures import epoch_scores

BASE = SibnetRun(seed=0, loss="wbce", distinct=1.4)  # the report's λ1
EXACT, PLAIN = "exact", "no term"
SHARES = (0.125, 0.25, 0.5, 1.0)
HELD_OUT = 96  # images of the held-out part


@dataclass(frozen=True)
class Ways:
    """The second stages that are compared, on one set.

    Attributes: inputs, of the set; shares, of the sampled estimator; base, what they vary; device.
    """

    inputs: Inputs
    shares: Sequence[float] = SHARES
    base: SibnetRun = BASE
    device: str = "cpu"

    @classmethod
    def of(cls, root: Path, base: SibnetRun = BASE, device: str = "cpu", **options: Any) -> "Ways":
        """The ways on the store at ``root``."""
        images = open_images(root)
        inputs = Inputs.of(images, root, base.backbone, base.weights, base.train_from, device)
        return cls(inputs, base=base, device=device, **options)

    @cached_property
    def runs(self) -> dict[str, SibnetRun]:
        """Every second stage by its name; the exact loss is last."""
        sampled = {
            f"share {share:g}": replace(self.base, estimator="sampled", share=share) for share in self.shares
        }
        plain = {PLAIN: replace(self.base, distinct=0.0)}
        return {**plain, **sampled, EXACT: replace(self.base, estimator="all")}

    @cached_property
    def front(self) -> nn.Module:
        return frozen_part(self.base.backbone, self.base.weights, self.base.train_from, self.device)

    @cached_property
    def labels(self) -> Tensor:
        """Of the training part, (N, K)."""
        found = self.inputs.images.images.labels[self.inputs.rows["train"]]
        return torch.from_numpy(found).float().to(self.device)

    @property
    def epoch(self) -> float:
        """Steps of an epoch."""
        return len(self.labels) / self.base.batch_size

    def start(self, seed: int) -> Trained:
        """The network of a seed before any training."""
        model = build(replace(self.base, seed=seed), self.labels.shape[1])
        model.start_at_prevalence(((self.labels.sum(0) + 1) / (len(self.labels) + 2)).cpu())
        loss = label_loss(self.base, self.base.loss, self.labels)
        whole = Trained(model, self.base.train_from, loss).to(self.device)
        return whole.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def loss(self, run: SibnetRun, whole: Trained, indices: Tensor) -> Tensor:
        """The loss of a batch under a way."""
        terms = SaliencyTerms.of(run, self.front, self.inputs.images.pixels.shape[1])
        unused = torch.Generator()  # only a MIMO network's objective draws
        objective = objective_of(run, whole, self.inputs, self.labels, terms, unused, self.device)
        return objective(whole, indices)[0]

    def train(self, run: SibnetRun, whole: Trained, steps: int) -> float:
        """Train in place, with a new optimizer, and return the seconds; every way of a seed sees the same batches."""
        trained = [one for one in whole.parameters() if one.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=run.learning_rate, weight_decay=run.weight_decay)
        order = batches(len(self.labels), run.batch_size, run.seed)
        whole.train()
        start = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            self.loss(run, whole, next(order).to(self.device)).backward()
            optimizer.step()
        if self.device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    @torch.no_grad()
    def held_out(self, whole: Trained, count: int = HELD_OUT) -> dict[str, float]:
        """Distinctiveness of the first held-out images, re-encoded, all pairs, and mean AUROC of the whole part."""
        whole.eval()
        rows, side = self.inputs.rows["val"][:count], self.inputs.images.pixels.shape[1]
        encode = nn.Sequential(self.front, whole.model.features).eval()
        sums = 0.0
        for part in np.split(rows, range(16, len(rows), 16)):
            maps = whole.model.see(self.inputs.batch(part, self.device)).maps
            found = class_distinctiveness_loss(maps, encode, size=(side, side), channels=3)
            sums += float(found) * len(part)
        scores = epoch_scores(whole.model, self.inputs, 1, self.device)
        return {"distinctiveness": sums / len(rows), "auroc": scores["val_auroc"]}

    def costs(self, rounds: int) -> dict[str, float]:
        """Median seconds of a training step of every way, all in turn."""
        whole = self.start(0).train()
        few = torch.arange(min(self.base.batch_size, len(self.labels)))
        losses = {name: partial(self.loss, run, whole, few) for name, run in self.runs.items()}
        optimizer = torch.optim.Adam([one for one in whole.parameters() if one.requires_grad], lr=1e-6)
        times = interleaved(losses, optimizer, rounds, self.device)
        return {name: statistics.median(seconds) for name, seconds in times.items()}


def batches(samples: int, size: int, seed: int) -> Iterator[Tensor]:
    """Shuffled minibatches without end; what is left of an epoch below a batch is dropped."""
    generator = torch.Generator().manual_seed(seed)
    size = min(size, samples)
    while True:
        order = torch.randperm(samples, generator=generator)
        for start in range(0, samples - size + 1, size):
            yield order[start : start + size]
