"""Parameters of the PYLON notebook: types, ranges, choices and help; the quick values stand in the notebook's cell."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from papers_lib.companion.parameters import NotebookParameters
from papers_lib.models.heatmap_methods import METHODS
from pylon.data import layout_of

Arm = Literal["main", "others", "long", "large", "parts", "pools", "backbone", "transfer", "budget", "voc"]
COMPARED = {"others", "large", "parts", "pools", "backbone"}  # each seed beside the same seed of "main"
STAGES = 4
ROOTS = {"data_root": ("nih", "vindr", "voc"), "vindr_root": ("vindr",), "voc_root": ("voc",)}


Methods = list[Annotated[str, Field(pattern=f"^({'|'.join(METHODS)})$")]]
Side = Annotated[int, Field(ge=64, multiple_of=32)]
Images = Annotated[int, Field(ge=8)]
Stages = Annotated[int, Field(ge=0, le=STAGES)]
Weights = Literal["packaged", "timm", "random"]
Greys = Literal["backbone", "nih"]
Policy = Literal["", "radiograph", "photograph"]
Phases = list[Literal["decoder", "all"]]
Rate = Annotated[float, Field(gt=0)]


class Parameters(NotebookParameters):
    """What the notebook's ``parameters`` cell sets."""

    data_note: str = Field(description="a sentence on size and bias of the real data, for the page")
    vindr_root: str = Field(description="real data for the comparison transfer; empty: synthetic")
    voc_root: str = Field(description="real data for the comparison voc; empty: synthetic scenes")
    arms: list[Arm] = Field(description=", ".join(get_args(Arm)))
    methods: Methods = Field(description="in main: the headline, and the number of UPs")
    other_methods: Methods = Field(description="in others: further competitors")
    part_methods: Methods = Field(description="in parts: PYLON's parts taken out one by one")
    pool_methods: Methods = Field(description="in pools: global pools, and group norm")
    compared_methods: Methods = Field(description="in large, transfer and voc, with one phase")
    fair_methods: Methods = Field(description="of transfer with a source, two phases, and backbone")
    ups: int = Field(ge=0, le=3, description="UP modules of PYLON: its map has stride 32, 16, 8 or 4")
    up: Literal["two_layer", "small", "conv3x3"] = Field(description="convolutions of an UP")
    attention: bool = Field(description="PYLON's pyramid attention; without it, its main path alone")
    head_kernel: Literal[1, 3] = Field(description="of PYLON's head: 1 or 3")
    gap: bool = Field(description="PYLON with a global average pool")
    norm: Literal["batch", "group", "group1"] = Field(description="of PYLON: batch, group or group1")
    seeds: int = Field(ge=1, description="models a method of the comparison main (and of PAN)")
    variant_seeds: int = Field(ge=1, description="models a setting of the other comparisons")
    folds: int = Field(ge=0, description="of a cross-validation by patient, in place of splits; 0: none")
    train_images: Images = Field(description="synthetic radiographs, training and validation")
    test_images: Images = Field(description="synthetic radiographs, test")
    small_images: Images = Field(description="of the small set of the comparison transfer")
    scenes_train: Images = Field(description="synthetic scenes, training and validation")
    scenes_test: Images = Field(description="synthetic scenes, test")
    data_seed: int = Field(ge=0, description="of the synthetic sets")
    val_share: float = Field(gt=0, lt=1, description="of the training images, by patient where known")
    side: Side = Field(description="of an image in pixels")
    large_side: Side = Field(description="in the comparison large")
    tuned_side: Side = Field(description="in the comparisons transfer and voc")
    backbone: str = Field(description="of the encoder, by timm's name")
    second_backbone: str = Field(description="of the comparison backbone")
    weights: Weights = Field(description="of the encoder: packaged (ImageNet), timm (hub) or random")
    width: int = Field(ge=32, multiple_of=32, description="channels of the decoders; the paper has 128")
    phases: Phases = Field(description="decoder: a frozen encoder; all: all trained; both: two phases")
    train_from: Stages = Field(description="encoder stages (of four) that stay frozen in phase all")
    tuned_from: Stages = Field(description="the same in the comparisons transfer and voc")
    epochs: int = Field(ge=1, description="at most, a phase")
    tuned_epochs: int = Field(ge=1, description="the same in the comparisons transfer and voc")
    long_factor: int = Field(ge=2, description="times the epochs, in the comparison long")
    budget_factor: int = Field(ge=2, description="times the epochs in one phase, in the comparison budget")
    batch_size: int = Field(ge=2, description="images a step; the paper has 64")
    tuned_batch: int = Field(ge=2, description="the same in the comparisons transfer and voc")
    learning_rate: Rate = Field(description="of Adam; the paper has 1e-4")
    tuned_rate: Rate = Field(description="the same in the comparisons transfer and voc")
    weight_decay: float = Field(ge=0, description="of AdamW; the paper has none")
    patience: int = Field(ge=0, description="checks without improvement before a cut of the rate; paper: 2")
    every: int = Field(ge=1, description="epochs between checks")
    prevalence_start: bool = Field(description="heads start at the classes' log-odds, for every method alike")
    standardise: bool = Field(description="features by their channel statistics, for every method alike")
    greys: Greys = Field(description="scaling of pixels: backbone, or nih (the authors' mean and deviation)")
    policy: Policy = Field(description="augmentation of pixels: radiograph, photograph or none")
    mixed: bool = Field(description="bfloat16 autocast")
    compiled: bool = Field(description="by torch.compile, on a GPU only (docs/gpu.md)")
    masked: int = Field(ge=0, description="pairs of image and class of the masked-out area; 0: none")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for name, wrong, expected in self._rules():
            if wrong:
                raise ValueError(f"{name}: found {getattr(self, name)!r}, expected {expected}")
        for name, layouts in ROOTS.items():
            root = Path(getattr(self, name)).expanduser()
            if getattr(self, name):
                found = layout_of(root) if root.is_dir() else "no folder"
                if found not in layouts:
                    raise ValueError(f"{name}: {root} is {found}, expected {' or '.join(layouts)}")
                if found == "voc" and name == "data_root" and self.greys != "backbone":
                    raise ValueError(f"greys: found {self.greys}, expected backbone for photographs")
        return self

    def _rules(self) -> Iterator[tuple[str, bool, str]]:
        """A parameter, whether its value does not go with the others, and what was expected."""
        arms, random, seeds = self.arms, self.weights == "random", self.seeds
        tuned, trained = bool({"transfer", "voc"} & {*arms}), "all" in self.phases
        yield "arms", len(set(arms)) < len(arms) or "main" not in arms, "main among them, and each once"
        alone = "budget" in arms and "transfer" not in arms
        yield "arms", alone, "transfer as well, whose sources budget needs"
        too_many = bool(COMPARED & {*arms}) and self.variant_seeds > seeds
        yield "variant_seeds", too_many, f"at most seeds ({seeds}), which they are compared with"
        too_small = "large" in arms and self.large_side <= self.side
        yield "large_side", too_small, f"more than side, which is {self.side}"
        yield "folds", 0 < self.folds < 3, "0 or at least 3: to test, to validate, to train"
        known = self.phases in (["decoder"], ["all"], ["decoder", "all"])
        yield "phases", not known, "[decoder], [all] or [decoder, all]"
        for name, given in (("train_from", trained), ("tuned_from", tuned)):
            whole = given and getattr(self, name) == STAGES
            yield name, whole, f"at most {STAGES - 1}, since the stages behind it are trained"
        noise = "since weights is random and frozen stages would be noise"
        yield "phases", random and "decoder" in self.phases, f"[all], {noise}"
        yield "train_from", random and self.train_from > 0, f"0, {noise}"
        yield "arms", random and tuned, f"no transfer or voc, {noise}"
        stages = max(self.train_from, self.tuned_from if tuned else 0)
        yield "policy", bool(self.policy and stages), f"none, since features of {stages} stages are stored"
        scaled = self.greys != "backbone"
        yield "greys", bool(scaled and stages), f"backbone, since features of {stages} stages are stored"
        yield "greys", scaled and self.standardise, "backbone, since standardise needs stored features"
        same = "backbone" in arms and self.backbone == self.second_backbone
        yield "backbone", same, "another one than second_backbone"

    def shortened(self) -> Self:
        """The same grid on a few synthetic images, one model of each kind, one epoch: what a dry run times."""
        few: dict[str, Any] = dict.fromkeys(("seeds", "variant_seeds", "epochs", "tuned_epochs"), 1)
        few |= dict.fromkeys(("train_images", "small_images", "scenes_train"), 32)
        few |= dict.fromkeys(("test_images", "scenes_test"), 16)
        few |= {"folds": 0, "masked": min(2, self.masked)} | dict.fromkeys(ROOTS, "")
        return self.model_copy(update=few)
