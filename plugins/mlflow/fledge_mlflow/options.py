"""What a person may set for MLflow."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fledge import Options
from pydantic import Field, field_validator


def _usual() -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or "mlflow.db"


class MlflowOptions(Options):
    uri: Path | str = Field(
        default_factory=_usual,
        validate_default=True,
        description="a tracking server, http://HOST:PORT, or an SQLite file; left out, MLFLOW_TRACKING_URI, or "
        "mlflow.db where the command is given",
    )
    experiment: str | None = Field(
        None, min_length=1, max_length=500, description="the experiment there; left out, the run's own"
    )

    @field_validator("uri", mode="before")
    @classmethod
    def _place(cls, told: Any) -> Any:
        if not isinstance(told, str):
            return told
        scheme, slashes, rest = told.partition("://")
        if not slashes:
            return Path(told)
        if scheme == "sqlite":
            # Relative to the working folder with three slashes, absolute with four.
            return Path(rest.removeprefix("/"))
        parts = urlsplit(told)
        if "@" in parts.netloc:
            raise ValueError(
                "names and passwords do not go into a spec, which is kept in files: "
                "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )
        if scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{told!r} is neither a tracking server, http://HOST:PORT, nor an SQLite file")
        return told.rstrip("/")
