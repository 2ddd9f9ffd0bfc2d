"""What may be set."""

from fledge import Options
from pydantic import Field


class ExampleOptions(Options):
    digits: int = Field(4, ge=1, le=17, description="of every number in the summary")
