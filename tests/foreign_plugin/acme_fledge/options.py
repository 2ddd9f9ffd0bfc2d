"""What may be set."""

from pathlib import Path

from fledge import Options
from pydantic import Field


class SocketOptions(Options):
    socket: Path = Field(description="the socket of a server: python -m acme_fledge.server SOCKET FOLDER")


class ZipOptions(Options):
    archive: Path = Field(description="a zip file with members train/CLASS/NAME.jpg and val/CLASS/NAME.jpg")
