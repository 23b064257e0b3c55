"""One small network, trained with and without the proposed term: label smoothing (Szegedy et al. 2016, Section 7)."""

from dataclasses import dataclass

import torch
from torch import nn

from example_paper.data import SIDE, load
from papers_lib.sweep import Context
from papers_lib.training import train


@dataclass(frozen=True)
class PaperRun:
    """One model. ``smoothing`` is the weight of the proposed term, ``seed`` that of initial weights and order."""

    group: str
    seed: int
    epochs: int
    smoothing: float

    def label(self) -> str:
        """Short name of the run for the progress line."""
        return f"{self.group} seed {self.seed}"

    def kind(self) -> str:
        """Runs of a kind take the same time for a unit of cost."""
        return self.group

    def cost(self) -> float:
        """Passes over a training image."""
        return self.epochs


def run(config: PaperRun, context: Context) -> dict[str, float]:
    """Train one model and measure it: ``accuracy`` and mean ``confidence`` on the test part.

    Raises:
        RunFailed: status "diverged", when the loss is not finite.
    """
    images, classes = load(context.data_root, "train", context.device)
    criterion = nn.CrossEntropyLoss(label_smoothing=config.smoothing)
    with torch.random.fork_rng(devices=[]):  # initial weights from the seed alone
        torch.manual_seed(config.seed)
        layers = (nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3), nn.Flatten())
        model = nn.Sequential(*layers, nn.Linear(8 * (SIDE // 3) ** 2, 2)).to(context.device)
    train(
        model,
        lambda net, index: (criterion(net(images[index]), classes[index]), {}),
        len(classes),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        epochs=config.epochs,
        batch_size=20,
        generator=torch.Generator().manual_seed(config.seed),
        checkpoint=context.checkpoint,
    )
    images, classes = load(context.data_root, "test", context.device)
    with torch.no_grad():
        confidence, predicted = model(images).softmax(1).max(1)
    return {
        "accuracy": float((predicted == classes).double().mean()),
        "confidence": float(confidence.double().mean()),
    }
