"""What may be set."""

from pathlib import Path
from typing import Literal

from fledge import Options
from fledge.testing.offers.options import SquaresOptions
from pydantic import Field


class DotsOptions(SquaresOptions):
    # None at all, for a test of what is then said.
    val: int = Field(8, ge=0, description="validation images a class")
    broken: bool = Field(False, description="raise while preparing")


class TinyOptions(Options):
    size: int = Field(16, description="pixels a side")
    dropout: float = Field(0.25, description="share of features left out while training")
    slow: float = Field(0, description="seconds that a batch takes longer than it needs")
    forgetful: bool = Field(False, description="keep a state that is in no state_dict")


class LinesOptions(Options):
    path: Path = Field(description="the file that is appended to")
    trouble: Literal["none", "raises", "hangs", "dawdles", "computes", "misplaced"] = Field(
        "none", description="how it misbehaves"
    )
    down: Path | None = Field(None, description="a file: while it is there, nobody listens")
