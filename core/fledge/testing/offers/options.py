"""The options of `squares` and `small`."""

from pydantic import Field

from fledge.interfaces.options import Options


class SquaresOptions(Options):
    train: int = Field(24, ge=1, description="training images a class")
    val: int = Field(8, ge=1, description="validation images a class")
    noise: float = Field(0.3, ge=0, description="how far colours stray, as a share of their range")


class SmallOptions(Options):
    size: int = Field(16, ge=8, description="pixels a side")
    dropout: float = Field(0.25, ge=0, lt=1, description="share of features left out while training")
