"""What may be set for the local backend."""

from fledge import Options
from pydantic import Field, PositiveInt


class LocalOptions(Options):
    slots: PositiveInt | None = Field(
        None,
        description="runs of this home that work at once, each with all its processes, the others are QUEUED; "
        "by default one for each core",
    )
