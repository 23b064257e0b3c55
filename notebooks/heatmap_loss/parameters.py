"""The notebook's parameters: type, range, choices and help of each."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator

from papers_lib.companion.parameters import NotebookParameters

Form = Literal["mean", "sum", "share", "dice"]


class Parameters(NotebookParameters):
    """The values of profile quick stand in the notebook."""

    data_root: str = Field(description="real data set (docs/data_cardiac.md); empty: synthetic slices")
    experiments: list[Literal[1, 2]] = Field(
        min_length=1, description="1: sex shows in size and fat, 2: in a label"
    )
    arms: list[Literal["main", "authors", "frozen", "variants"]] = Field(
        description="comparisons: main, authors, frozen, variants"
    )
    seeds: int = Field(ge=1, description="models a group")
    variant_seeds: int = Field(ge=1, description="models a variant of the heatmap term")
    train_slices: int = Field(ge=8, description="synthetic slices to train on")
    val_slices: int = Field(ge=8, description="synthetic slices for the 95 % filter")
    test_slices: int = Field(ge=8, description="synthetic slices to test on")
    data_seed: int = Field(ge=0, description="of the synthetic slices")
    model: Literal["small_vgg", "vgg16"] = Field(description="small_vgg or vgg16")
    weights: Literal["random", "imagenet"] = Field(
        description="initial convolutions: random, or imagenet (vgg16)"
    )
    epochs: int = Field(ge=1, description="passes over the training slices")
    batch_size: int = Field(ge=1, description="slices a step")
    lr_low: float = Field(gt=0, description="learning rates are log-uniform from here")
    lr_high: float = Field(gt=0, description="to here")
    weight: float = Field(ge=0, description="of the heatmap term in the loss; the authors: 1")
    form: Form = Field(description="of the term: mean (as the authors coded it), sum, share or dice")
    method: Literal["hires_cam", "grad_cam", "grad_cam_pp", "xgrad_cam"] = Field(
        description="map in the term: hires_cam, grad_cam, grad_cam_pp or xgrad_cam"
    )
    target: Literal["predicted", "true"] = Field(description="class of that map: predicted or true")
    mask: Literal["point", "area"] = Field(
        description="how the mask is shrunk to the map: point (sampled) or area (averaged)"
    )
    variant_forms: list[Form] = Field(description="forms in the comparison variants")
    variant_weights: list[Annotated[float, Field(gt=0)]] = Field(description="weights of each of these forms")
    authors_lr_factor: float = Field(
        gt=0, description="on the authors' rates, comparison authors: as large as both groups train with"
    )
    authors_epoch_factor: int = Field(ge=1, description="on their epochs there")
    mixed: bool = Field(description="bfloat16 autocast")

    def shortened(self) -> Self:
        """The same grid at the least sizes, on synthetic slices: what the dry run times."""
        least = dict.fromkeys(("train_slices", "val_slices", "test_slices"), 32)
        least |= dict.fromkeys(("seeds", "variant_seeds", "epochs", "authors_epoch_factor"), 1)
        return self.model_copy(update={**least, "data_root": ""})

    @field_validator("experiments", "arms", "variant_forms", "variant_weights")
    @classmethod
    def _list(cls, found: list[object], info: ValidationInfo) -> list[object]:
        if len(set(found)) < len(found):
            raise ValueError(f"{info.field_name}: expected each once")
        if info.field_name == "arms" and "main" not in found:
            raise ValueError("arms: expected main among them")
        return found

    @field_validator("weights")
    @classmethod
    def _published(cls, weights: str, info: ValidationInfo) -> str:
        if weights == "imagenet" and info.data.get("model") == "small_vgg":
            raise ValueError("weights: expected random, since model is small_vgg")
        return weights
