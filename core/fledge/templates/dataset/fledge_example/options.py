"""What may be set."""

from fledge import FolderOptions
from pydantic import Field


class ExampleOptions(FolderOptions):
    train_per_class: int = Field(16, ge=1, description="training pictures a class")
    val_per_class: int = Field(8, ge=1, description="validation pictures a class")
