"""What may be set."""

from pathlib import Path

from fledge import Options
from pydantic import Field


class ExampleOptions(Options):
    folder: Path = Field(Path("example-runs"), description="where the files are kept, RUN.jsonl for each run")
