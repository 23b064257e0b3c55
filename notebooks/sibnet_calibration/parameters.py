"""Parameters of the Sibnet notebook: types, ranges, choices, and what does not go together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from papers_lib.companion.parameters import NotebookParameters
from papers_lib.errors import UserError

Arm = Literal["losses", "saliency", "mimo", "rates", "backbones", "weights", "imbalance", "mapping"]
Positive = Annotated[float, Field(gt=0)]
PACKAGED = ("efficientnet_lite0", "efficientnet_lite2")
SCRATCH = "random"
"""In the list of backbones: the first one from random weights."""


class Parameters(NotebookParameters):
    """What the notebook's ``parameters`` cell sets."""

    data_root: str = Field(
        description="folder of a set in CheXpert's or NIH's layout (docs/data_chexpert.md); empty: synthetic"
    )
    data_note: str = Field(description="a sentence on size and bias of the real data, for the page")
    arms: list[Arm] = Field(description="comparisons; also rates, backbones, weights, imbalance, mapping")
    quick_rows: bool = Field(description="only the settings of the short profile")
    seeds: int = Field(ge=1, description="models a setting of the comparisons losses and saliency")
    variant_seeds: int = Field(ge=1, description="models a setting of the others")
    train_images: int = Field(ge=8, description="synthetic radiographs")
    valid_images: int = Field(ge=8, description="a third of them to fit calibrators on")
    data_seed: int = Field(ge=0, description="of the synthetic radiographs")
    rare_odds: float = Field(gt=0, le=1000, description="on the odds of the findings, in imbalance")
    picture_side: int = Field(ge=64, description="of a synthetic radiograph in pixels")
    side: int = Field(ge=64, multiple_of=32, description="of an image as it is trained on")
    uncertain: Literal["report", "common", "zeros", "ones"] = Field(
        description="uncertain labels: report, common, zeros, ones"
    )
    calibration: Literal["valid", "train"] = Field(
        description="table that the calibration part is cut from: valid or train"
    )
    calibration_share: float = Field(gt=0, lt=1, description="of its images, whole patients")
    views: Literal["frontal", "lateral", "all"] = Field(description="frontal, lateral or all")
    weights: Literal["packaged", "timm", "random"] = Field(
        description="packaged (ImageNet, no download), timm (hub) or random"
    )
    backbone: str = Field(description="network of timm; the report: densenet121")
    last_stage: str = Field(description="the network is cut after it; empty: all of it")
    train_from: str = Field(description="first stage that is trained; empty: everything")
    first_share: float = Field(gt=0, lt=1, description="of the epochs, before the second of two stages")
    epochs: int = Field(ge=1, description="of a model, both stages together")
    saliency_epochs: int = Field(ge=1, description="of the comparisons saliency and weights")
    long_epochs: int = Field(ge=1, description="of the comparison rates")
    batch_size: int = Field(ge=2, description="images a step; of one, batch norm has no statistics")
    learning_rate: float = Field(gt=0, description="of Adam")
    weight_decay: float = Field(ge=0, description="of Adam and PESG")
    dropout: float = Field(ge=0, lt=1, description="share of the pooled features that is dropped")
    pesg_rate: float = Field(gt=0, description="learning rate of PESG")
    gamma: float = Field(ge=0, description="of the focal loss")
    margin: float = Field(gt=0, description="of the AUC loss")
    distinct: float = Field(gt=0, description="λ1, weight of class distinctiveness")
    coherent: float = Field(gt=0, description="λ2, weight of spatial coherence")
    estimator: Literal["sampled", "all"] = Field(
        description="pairs of maps in both terms: sampled, or all of every image"
    )
    share: float = Field(gt=0, le=1, description="of a batch's images whose maps are encoded again")
    distincts: list[Positive] = Field(description="other values of λ1, in weights")
    coherents: list[Positive] = Field(description="other values of λ2, in weights")
    rates: list[Positive] = Field(description="learning rates, in rates")
    dropouts: list[Annotated[float, Field(ge=0, lt=1)]] = Field(description="dropout rates, in rates")
    mimo: list[Annotated[int, Field(ge=2)]] = Field(description="numbers of inputs, in mimo")
    repetition: int = Field(ge=1, description="of a batch for a MIMO network")
    backbones: list[str] = Field(description="in backbones; random: the first one from random weights")
    bins: int = Field(ge=1, description="of the calibration error")
    mixed: bool = Field(description="bfloat16 autocast")
    compiled: bool = Field(description="by torch.compile, on a GPU only (docs/gpu.md)")

    def shortened(self) -> Self:
        """The same comparisons at the least sizes, for the dry run; with fewer images some finding is absent."""
        least = {"seeds": 1, "variant_seeds": 1, "epochs": 2, "saliency_epochs": 2, "long_epochs": 1}
        least |= {"train_images": 128, "valid_images": 44, "data_seed": 0, "picture_side": self.side}
        other = {"data_root": "", "views": "frontal", "rare_odds": 0.5, "first_share": 0.5}
        return self.model_copy(update={**least, **other})

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for name, wrong, expected in self._rules():
            if wrong:
                raise ValueError(f"{name}: found {getattr(self, name)!r}, expected {expected}")
        for name in dict.fromkeys((self.backbone, *self.backbones)):
            if name != SCRATCH:
                _look_up(name, self.last_stage, self.train_from)
        return self

    def _rules(self) -> Iterator[tuple[str, bool, str]]:
        """Name, whether its value is wrong, and what was expected: of values that would give a wrong page."""
        for name in ("arms", "distincts", "coherents", "rates", "dropouts", "mimo", "backbones"):
            yield name, len({*getattr(self, name)}) < len(getattr(self, name)), "each value once"
        yield "arms", "losses" not in self.arms, "losses among them"
        mapped = "mapping" in self.arms and self.uncertain != "report"
        yield "uncertain", mapped, "report: the comparison mapping is with the report's way"
        staged = {"saliency_epochs": {*self.arms} & {"saliency", "weights"}, "epochs": not self.quick_rows}
        for name, wanted in staged.items():
            short = bool(wanted) and int(getattr(self, name) * self.first_share) < 1
            yield name, short, "an epoch or more for each of two stages"
        noise = bool(self.train_from) and self.weights == "random"
        yield "train_from", noise, "empty, since weights is random: the frozen stages would be noise"
        yield "backbones", self.backbone in self.backbones, f"none of them {self.backbone}"
        for name, asked in (("backbone", [self.backbone]), ("backbones", self.backbones)):
            unknown = self.weights == "packaged" and not {*asked} <= {*PACKAGED, SCRATCH}
            yield name, unknown, f"of {', '.join(PACKAGED)}, since weights is packaged"
        if not self.data_root:
            yield "picture_side", self.picture_side < self.side, f"at least side, which is {self.side}"
            yield "views", self.views == "lateral", "frontal or all, since no synthetic view is lateral"
            return
        from sibnet_calibration.data import layout_of

        root = Path(self.data_root).expanduser()
        yield "data_root", not root.is_dir(), "a folder that is there"
        yield "arms", "imbalance" in self.arms, "no imbalance: only the synthetic set can be made rarer"
        try:
            nih = layout_of(root) == "nih"
        except UserError as error:
            raise ValueError(f"data_root: {error}") from error
        certain = "since the labels of the set in data_root are all certain"
        yield "arms", nih and "mapping" in self.arms, f"no mapping, {certain}"
        yield "uncertain", nih and self.uncertain != "report", f"report (no effect), {certain}"
        yield "views", nih and self.views == "lateral", "frontal or all: the set has no lateral views"


def _look_up(backbone: str, last: str, first: str) -> None:
    """Build the network once, from random weights: whether there is one, and whether it has these stages."""
    import torch

    from papers_lib.models.multilabel_classifier import cut, multilabel_classifier

    try:
        network = multilabel_classifier(
            backbone, 2, generator=torch.Generator(), weights="random", last_stage=last
        )
        cut(network, first)
    except UserError as error:
        raise ValueError(str(error)) from error
