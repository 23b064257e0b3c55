"""Parameters of the notebook: types, ranges and help; its cell holds the values of the quick profile."""

from typing import Self

from pydantic import Field

from papers_lib.companion.parameters import NotebookParameters


class Parameters(NotebookParameters):
    """What the notebook takes beside profile, device, jobs and data_root."""

    seeds: int = Field(ge=2, description="models a group")
    train_images: int = Field(ge=20, description="synthetic images to train on")
    test_images: int = Field(ge=20, description="synthetic images to test on")
    data_seed: int = Field(ge=0, description="of the synthetic images")
    epochs: int = Field(ge=1, description="passes over the training images")
    smoothing: float = Field(ge=0, lt=1, description="weight of the proposed term")

    def shortened(self) -> Self:
        """The same grid at the least sizes, for the dry run."""
        return self.model_copy(update={"seeds": 2, "train_images": 100, "test_images": 20, "epochs": 1})
