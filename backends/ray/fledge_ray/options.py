"""What may be set for the Ray backend."""

import re

from fledge import Options
from pydantic import Field, field_validator


class RayOptions(Options):
    address: str = Field(
        "http://127.0.0.1:8265",
        description="the cluster's dashboard, which answers the Ray Jobs API: http://HOST:PORT",
    )
    cpus: float = Field(1.0, gt=0, description="CPUs that Ray sets aside for each process")
    gpus: float = Field(0.0, ge=0, description="GPUs that Ray sets aside for each process")
    storage: str | None = Field(
        None,
        description="the folder on the nodes in which runs are kept, best one that all nodes share; "
        "by default fledge/ray in the user's cache there",
    )

    @field_validator("address")
    @classmethod
    def _is_http(cls, told: str) -> str:
        if not re.fullmatch(r"https?://[^/\s]+(/[^\s?#]*)?", told):
            raise ValueError(
                f"{told!r} is no address of a Ray dashboard: http://HOST:8265 (not the ray:// that Ray's client takes)"
            )
        return told.rstrip("/")

    @field_validator("storage")
    @classmethod
    def _is_absolute(cls, told: str | None) -> str | None:
        # A folder of the cluster's, which this machine's working folder says nothing about.
        if told is not None and not told.startswith(("/", "~/")):
            raise ValueError(f"{told!r} is not an absolute path: it names a folder on the nodes, /shared/fledge say")
        return told
