"""Parameters of the Sibnet notebook: types, ranges, choices, and what does not go together."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from papers_lib.companion.parameters import NotebookParameters
from papers_lib.errors import UserError

Arm = Literal["losses", "saliency", "mimo", "rates", "backbones", "weights", "imbalance", "mapping"]
Positive = Annotated[float, Field(gt=0)]
PACKAGED = ("efficientnet_lite0", "efficientnet_lite2")
SCRATCH = "random"
"""In the list of backbones: the first one from random weights."""
KNOWN = (*PACKAGED, "densenet121", "vgg19", *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)))
"""Backbones that need no looking up where they are used whole."""
STAGES = ("scale", "stem", *(f"blocks_{number}" for number in range(7)), "conv_head")
"""Of the packaged backbones, in the order of the pass."""


class Parameters(NotebookParameters):
    """Fields in the order in which they are checked; a check across fields stands at the last of them."""

    data_root: str = Field(
        description="folder of a real set, CheXpert's or NIH's layout (docs/data_chexpert.md); empty: synthetic data"
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

    def shortened(self) -> "Parameters":
        """The same comparisons at the least sizes, for the dry run; of fewer synthetic images some finding is absent."""
        least = {"seeds": 1, "variant_seeds": 1, "epochs": 2, "saliency_epochs": 2, "long_epochs": 1}
        least |= {"train_images": 128, "valid_images": 44, "data_seed": 0, "picture_side": self.side}
        other = {"data_root": "", "views": "frontal", "rare_odds": 0.5, "first_share": 0.5}
        return self.model_copy(update={**least, **other})

    @field_validator("arms", "distincts", "coherents", "rates", "dropouts", "mimo", "backbones")
    @classmethod
    def _each_once(cls, value: list[Any]) -> list[Any]:
        return _expect(len(set(value)) == len(value), value, "each value once")

    @field_validator("data_root")
    @classmethod
    def _layout(cls, value: str) -> str:
        if value:
            from papers_lib.datasets.chexpert_rows import check_rows
            from sibnet_calibration.data import layout_of

            root = Path(value).expanduser()
            _expect(root.is_dir(), value, "expected a folder that is there")
            try:
                if layout_of(root) == "chexpert":
                    check_rows(root)
            except UserError as error:
                raise ValueError(str(error)) from error
        return value

    @field_validator("arms")
    @classmethod
    def _arms(cls, value: list[str], info: ValidationInfo) -> list[str]:
        _expect("losses" in value, value, "expected losses among them")
        synthetic = not info.data.get("data_root")
        _expect(
            "imbalance" not in value or synthetic, value, "imbalance needs the synthetic set: no data_root"
        )
        certain = "mapping" in value and _nih(info)
        return _expect(not certain, value, "no mapping: the labels of the set in data_root are all certain")

    @field_validator("side")
    @classmethod
    def _side(cls, value: int, info: ValidationInfo) -> int:
        drawn = value if info.data.get("data_root") else info.data.get("picture_side", value)
        return _expect(value <= drawn, value, f"expected at most picture_side, which is {drawn}")

    @field_validator("uncertain")
    @classmethod
    def _uncertain(cls, value: str, info: ValidationInfo) -> str:
        others = value == "report" or "mapping" not in info.data.get("arms", ())
        _expect(others, value, "expected report: the comparison mapping is with the report's way")
        certain = value == "report" or not _nih(info)
        return _expect(certain, value, "expected report: the labels of the set in data_root are all certain")

    @field_validator("views")
    @classmethod
    def _views(cls, value: str, info: ValidationInfo) -> str:
        frontal = not info.data.get("data_root") or _nih(info)
        return _expect(value != "lateral" or not frontal, value, "the set has no lateral views")

    @field_validator("epochs", "saliency_epochs")
    @classmethod
    def _two_stages(cls, value: int, info: ValidationInfo) -> int:
        arms = {*info.data.get("arms", ())}
        staged = arms & {"saliency", "weights"} if info.field_name == "saliency_epochs" else "losses" in arms
        if info.field_name == "epochs" and info.data.get("quick_rows"):
            staged = False
        enough = int(value * info.data.get("first_share", 0.5)) >= 1
        return _expect(enough or not staged, value, "expected an epoch or more for each of two stages")

    @field_validator("coherents", "dropouts", "mimo", "backbones")
    @classmethod
    def _something_to_compare(cls, value: list[Any], info: ValidationInfo) -> list[Any]:
        name = str(info.field_name)
        arm, other = {"coherents": ("weights", "distincts"), "dropouts": ("rates", "rates")}.get(
            name, (name, "")
        )
        needed = arm in info.data.get("arms", ()) and not info.data.get(other)
        return _expect(value or not needed, value, f"expected a value, since arms has {arm}")

    @field_validator("backbone")
    @classmethod
    def _backbone(cls, value: str, info: ValidationInfo) -> str:
        packaged = info.data.get("weights") == "packaged"
        _expect(
            value in PACKAGED or not packaged,
            value,
            f"weights packaged: expected one of {', '.join(PACKAGED)}",
        )
        return value if value in KNOWN else _look_up(value)

    @field_validator("last_stage")
    @classmethod
    def _last_stage(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        backbone = info.data.get("backbone", PACKAGED[0])
        if backbone not in PACKAGED:
            return _look_up(backbone, value) and value
        return _expect(value in STAGES[1:], value, f"expected one of {', '.join(STAGES[1:])} or empty")

    @field_validator("train_from")
    @classmethod
    def _train_from(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        _expect(
            info.data.get("weights") != "random", value, "expected empty: frozen random weights are noise"
        )
        backbone, last = info.data.get("backbone", PACKAGED[0]), info.data.get("last_stage", "")
        if backbone not in PACKAGED:
            return _look_up(backbone, last, value) and value
        _expect(value in STAGES, value, f"expected one of {', '.join(STAGES)} or empty")
        before = not last or STAGES.index(value) <= STAGES.index(last)
        return _expect(before, value, f"expected a stage not after last_stage, which is {last}")

    @field_validator("backbones")
    @classmethod
    def _backbones(cls, value: list[str], info: ValidationInfo) -> list[str]:
        given = info.data
        _expect(given.get("backbone") not in value, value, f"expected none of them {given.get('backbone')}")
        _expect(SCRATCH not in value or given.get("weights") != "random", value, "weights is random already")
        packaged = {*value} <= {*PACKAGED, SCRATCH} or given.get("weights") != "packaged"
        _expect(packaged, value, f"weights packaged: expected some of {', '.join(PACKAGED)}, {SCRATCH}")
        last, frozen = given.get("last_stage", ""), given.get("train_from", "")
        for name in {*value} - {*PACKAGED, SCRATCH} - ({*KNOWN} if not (last or frozen) else set()):
            _look_up(name, last, frozen)
        return value


def _expect(good: Any, value: Any, expected: str) -> Any:
    if not good:
        raise ValueError(expected)
    return value


def _nih(info: ValidationInfo) -> bool:
    from sibnet_calibration.data import layout_of

    root = info.data.get("data_root")
    return bool(root) and layout_of(Path(root).expanduser()) == "nih"


def _look_up(backbone: str, last: str = "", frozen: str = "") -> str:
    """Build the network once, from random weights: whether there is one, and whether it has these stages."""
    import torch

    from papers_lib.models.multilabel_classifier import cut, multilabel_classifier

    try:
        model = multilabel_classifier(
            backbone, 2, generator=torch.Generator(), weights="random", last_stage=last
        )
        cut(model, frozen)
    except UserError as error:
        raise ValueError(str(error)) from error
    return backbone


check = Parameters.of  # what `papers run` asks for before anything starts
