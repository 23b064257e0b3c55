"""The notebook's parameters: type, range, choices and help of each."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from papers_lib.companion.parameters import NotebookParameters

Arm = Literal["main", "front", "measures", "others", "offset", "long", "fresh", "deeper", "backbone"]
STRIDE = 32
"""Pixels that a cell of the last map stands for; of a single cell no sharpness can be said."""
PACKAGED = ("efficientnet_lite0", "efficientnet_lite2")
Beta = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Setting = Annotated[str, Field(pattern=r"^(none|(relu|shifted|offset)_\d+(\.\d+)?)$")]
"""A form of the map and β, as tables and claims name them: "relu_0.3"; "none" is β = 0."""


class Parameters(NotebookParameters):
    """The values of profile quick stand in the notebook."""

    data_root: str = Field(
        description="real data set in VOC's layout (docs/data_voc.md); empty: synthetic scenes"
    )
    data_note: str = Field(description="a sentence on size and bias of the real data, for the page")
    arms: list[Arm] = Field(
        description="comparisons: main, front, measures, others, offset, long, fresh, deeper, backbone"
    )
    seeds: int = Field(ge=1, description="models a setting of the comparisons main and fresh")
    variant_seeds: int = Field(ge=1, description="models a setting of the others")
    train_scenes: int = Field(ge=8, description="synthetic scenes to train on")
    test_scenes: int = Field(ge=8, description="synthetic scenes to test on")
    data_seed: int = Field(ge=0, description="of the synthetic scenes")
    side: int = Field(ge=2 * STRIDE, multiple_of=STRIDE, description="of a crop in pixels")
    scene_side: int = Field(ge=0, multiple_of=STRIDE, description="of a whole test scene; 0: none")
    whole: bool = Field(description="the whole picture in the place of the crop of its box")
    difficult: bool = Field(description="boxes marked difficult as well")
    betas: list[Beta] = Field(description="weights of the entropy, ReLU form as printed; 0 among them")
    shifted_betas: list[Positive] = Field(description="the same, M - min M")
    front_betas: list[Positive] = Field(description="further ones in both forms, comparison front")
    offset_betas: list[Positive] = Field(description="weights with 1 + M, comparison offset")
    measure: Literal["ce", "ca", "cd"] = Field(
        description="in the loss: ce (entropy), ca (area) or cd (dispersion)"
    )
    measure_settings: list[Setting] = Field(description="form_β at which the other measures are trained")
    others: float = Field(gt=0, description="weight of the other classes' maps, comparison others")
    others_settings: list[Setting] = Field(description="form_β at which these are pushed")
    long_factor: int = Field(ge=1, description="on the epochs in the comparison long")
    long_settings: list[Setting] = Field(description="form_β trained longer")
    fresh_seed: int = Field(ge=0, description="first seed of the comparison fresh, beyond all others")
    deeper_from: str = Field(description="first stage trained in the comparison deeper")
    second_backbone: str = Field(description="network of the comparison backbone")
    second_from: str = Field(description="first stage trained there")
    few_settings: list[Setting] = Field(description="form_β of the comparisons deeper and backbone")
    backbone: str = Field(description="a network of timm whose last map has a cell for 32 pixels")
    weights: Literal["packaged", "timm", "random"] = Field(
        description="initial convolutions: packaged (ImageNet, no download), timm (hub) or random"
    )
    train_from: str = Field(
        description="first stage trained, the ones before are frozen; empty: all is trained"
    )
    epochs: int = Field(ge=1, description="passes over the training pictures, one box each")
    batch_size: int = Field(ge=1, description="boxes a step")
    learning_rate: float = Field(gt=0, description="constant, Adam's")
    mixed: bool = Field(description="bfloat16 autocast")
    deletion: int = Field(ge=0, description="test items of the deletion curve; 0: none")

    def shortened(self) -> Self:
        """The same grid at the least sizes, on synthetic scenes: what the dry run times."""
        least = dict.fromkeys(("seeds", "variant_seeds", "epochs", "long_factor"), 1)
        least |= {"train_scenes": 20, "test_scenes": 8, "deletion": min(self.deletion, 2)}
        return self.model_copy(update={**least, "data_root": ""})

    @field_validator("arms", "betas", "shifted_betas", "front_betas", "offset_betas")
    @classmethod
    def _list(cls, found: list[float | str], info: ValidationInfo) -> list[float | str]:
        names = {one if isinstance(one, str) else f"{one:g}" for one in found}  # as results name them
        if len(names) < len(found):
            raise ValueError(f"{info.field_name}: expected each once")
        needed = {"arms": "main", "betas": "0"}.get(str(info.field_name))
        if needed and needed not in names:
            raise ValueError(f"{info.field_name}: expected {needed} among them")
        return found

    @model_validator(mode="after")
    def _together(self) -> Self:
        arms = {*self.arms}
        networks = {self.backbone} | ({self.second_backbone} if "backbone" in arms else set())
        if self.scene_side == STRIDE:
            raise ValueError(f"scene_side: expected 0 or at least {2 * STRIDE}")
        if arms & {"measures", "others", "offset"} and self.variant_seeds > self.seeds:
            raise ValueError(f"variant_seeds: expected at most seeds, {self.seeds}: compared with main")
        if self.weights == "packaged" and not networks <= {*PACKAGED}:
            raise ValueError(f"weights: expected timm or random; packaged are {' and '.join(PACKAGED)}")
        if self.weights == "random" and (self.train_from or arms & {"deeper", "backbone"}):
            raise ValueError("weights: random, but train_from, deeper or backbone freeze layers")
        if "deeper" in arms and self.train_from in ("", self.deeper_from):
            raise ValueError("arms: no deeper, since no more layers are left to train than train_from trains")
        return self
