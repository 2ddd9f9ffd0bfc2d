"""Sent: what a native sweep was sent as, kept in its folder: enough to send it once, and to find it again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fledge.atomic import write_atomic
from fledge.errors import RunError
from fledge.interfaces.backend import RunRef

_FILE, _CANCELED = "native.json", "canceled"


@dataclass(frozen=True)
class Sent:
    """key is fixed before it is sent; ref is there once it was; plan is as `Plan.to_dict` has it."""

    key: str
    plan: Mapping[str, Any]
    ref: RunRef | None = None

    @classmethod
    def read(cls, folder: Path) -> "Sent":
        """Raises RunError where it cannot be read."""
        try:
            told = json.loads((folder / _FILE).read_text())
            ref = RunRef(**told["ref"]) if told["ref"] else None
            return cls(told["key"], told["plan"], ref)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"sweep {folder.name}: {folder / _FILE} cannot be read: {error}") from None

    def write(self, folder: Path) -> None:
        try:
            write_atomic(folder / _FILE, json.dumps(asdict(self), indent=1))
        except OSError as error:
            raise RunError(f"sweep {folder.name} cannot be kept in {folder}: {error.strerror}") from None


def note_canceled(folder: Path) -> None:
    """Before the service is told: whoever finds a trial canceled must know that it was not for lagging behind."""
    (folder / _CANCELED).touch()


def was_canceled(folder: Path) -> bool:
    return (folder / _CANCELED).exists()
