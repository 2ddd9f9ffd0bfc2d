"""Manifest: what fledge keeps beside the files of a model version, as one of them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
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
    def read(cls, path: Path) -> "Manifest":
        """Raises OSError, ValueError, KeyError or TypeError."""
        told = json.loads(path.read_text())
        return cls(told["run"], told["files"], told["card"])

    def write(self, path: Path) -> None:
        path.write_text(json.dumps({"run": self.run, "files": dict(self.files), "card": self.card}, indent=1))

    @property
    def digest(self) -> str:
        """The same for the same run's same files."""
        return hashlib.sha256(json.dumps([self.run, sorted(self.files.items())]).encode()).hexdigest()
