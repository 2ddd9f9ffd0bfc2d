"""The options of `drawn-birds`."""

from fledge import FolderOptions
from pydantic import Field


class DrawnBirdsOptions(FolderOptions):
    train_per_class: int = Field(
        120,
        ge=1,
        le=100_000,
        description="Training pictures of each species; asking for more keeps the first ones.",
    )
    val_per_class: int = Field(100, ge=1, le=100_000, description="Validation pictures of each species.")
    seed: int = Field(0, ge=0, lt=2**63, description="Another seed draws other birds.")
