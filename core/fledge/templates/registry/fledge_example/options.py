"""What may be set."""

from fledge import Options
from pydantic import Field


class ExampleOptions(Options):
    folder: str = Field("example-models", pattern=r"^[\w.-]+$", description="its folder below fledge's home")
