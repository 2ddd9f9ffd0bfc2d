"""The options of `birds`."""

from pathlib import Path

from fledge import FolderOptions
from pydantic import Field, field_validator

TUTORIAL = "https://azuremlexamples.blob.core.windows.net/datasets/fowl_data.zip"


class BirdsOptions(FolderOptions):
    url: str = Field(TUTORIAL, description="the archive: a mirror's address, or a file:// one")
    root: Path | None = Field(
        None, description="a copy on this machine instead: the unpacked folder, or the archive itself"
    )
    sha256: str | None = Field(None, pattern="^[0-9a-fA-F]{64}$", description="what the archive's SHA-256 must be")

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if "://" not in url:
            raise ValueError("an address has a scheme, as in https://; a copy on this machine is dataset.root")
        return url
