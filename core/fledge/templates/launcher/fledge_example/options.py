"""What may be set."""

from fledge import Options
from pydantic import Field


class ExampleOptions(Options):
    timeout: float = Field(600, gt=0, description="seconds that a process waits for the others")
