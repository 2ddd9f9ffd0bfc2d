"""What may be set."""

from fledge import Options
from pydantic import Field


class ExampleOptions(Options):
    grace: float = Field(10.0, gt=0, description="seconds that ranks have to end once one of them has failed")
