"""What may be set."""

from fledge import Options
from pydantic import Field


class ExampleOptions(Options):
    size: int = Field(64, ge=16, description="pixels a side of what the network sees")
    width: int = Field(32, ge=1, description="channels of the first layer")
