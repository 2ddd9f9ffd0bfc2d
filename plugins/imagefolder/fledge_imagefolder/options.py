"""The options of `imagefolder`."""

from pathlib import Path

from fledge import FolderOptions
from pydantic import Field


class ImageFolderOptions(FolderOptions):
    root: Path = Field(description="the folder that holds train/ and val/, or a folder for each class")
