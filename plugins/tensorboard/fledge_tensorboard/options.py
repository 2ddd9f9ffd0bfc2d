"""What a person may set for TensorBoard."""

from pathlib import Path

from fledge import Options
from pydantic import Field


class TensorBoardOptions(Options):
    folder: Path = Field(
        default=Path("tensorboard-runs"),
        description="where the event files are kept, EXPERIMENT/RUN in it: tensorboard --logdir FOLDER",
    )
