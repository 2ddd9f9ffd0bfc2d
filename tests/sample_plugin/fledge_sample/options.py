"""What may be set."""

from pathlib import Path
from typing import Literal

from fledge import Options
from pydantic import Field


class DotsOptions(Options):
    train: int = Field(24, ge=0, description="training images a class")
    val: int = Field(8, ge=0, description="validation images a class")
    noise: float = Field(0.3, description="how far colours stray")
    broken: bool = Field(False, description="raise while preparing")


class TinyOptions(Options):
    size: int = Field(16, description="pixels a side")
    dropout: float = Field(0.25, description="share of features left out while training")
    slow: float = Field(0, description="seconds that a batch takes longer than it needs")
    forgetful: bool = Field(False, description="keep a state that is in no state_dict")


class LinesOptions(Options):
    path: Path = Field(description="the file that is appended to")
    trouble: Literal["none", "raises", "hangs"] = Field("none", description="how it misbehaves")
