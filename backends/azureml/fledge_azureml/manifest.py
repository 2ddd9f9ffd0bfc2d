"""Manifest: what fledge keeps beside the files of a model version, as one of them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fledge import file_sha256

NAME = "fledge.json"


@dataclass(frozen=True)
class Manifest:
    """files maps relative paths to SHA-256; card is the model card."""

    run: str
    files: Mapping[str, str]
    card: Mapping[str, Any]

    @classmethod
    def of(cls, run: str, folder: Path, card: str) -> "Manifest":
        """Of the files below `folder`. Raises OSError or ValueError where there is no card to read."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {path.relative_to(folder).as_posix(): file_sha256(path) for path in paths}
        return cls(run, files, json.loads((folder / card).read_text()))

    @classmethod
    def parse(cls, content: bytes) -> "Manifest":
        """From `content`. Raises ValueError, KeyError or TypeError."""
        told = json.loads(content)
        for path in map(PurePosixPath, told["files"]):
            # Whoever may write there writes nowhere else on this machine.
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"a file of it is called {path}")
        return cls(told["run"], told["files"], told["card"])

    @property
    def content(self) -> bytes:
        """The same bytes for the same run's same files."""
        return json.dumps({"run": self.run, "files": dict(self.files), "card": self.card}, indent=1).encode()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()
