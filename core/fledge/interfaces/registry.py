"""Registry: names and versions for trained models."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fledge.errors import RegistryError
from fledge.interfaces.options import Options


@dataclass(frozen=True)
class ModelVersion:
    """One immutable version of a named model.

    files maps each relative path, with "/" between its parts, to its content's SHA-256 in hexadecimal; card is the
    model card (classes, transforms, spec, metrics, hashes); run is the id of the run that made it; created is when it
    was registered (UTC, ISO 8601).
    """

    name: str
    version: int
    run: str
    created: str
    files: Mapping[str, str]
    card: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)


class Registry(ABC):
    """Keeps model versions. Constructed with its validated options and fledge's home folder."""

    def __init__(self, options: Options, home: Path) -> None:
        self.options = options
        self.home = home

    @abstractmethod
    def register(self, run: str, folder: Path, name: str, tags: Mapping[str, str]) -> ModelVersion:
        """Keep the files in `folder`, among them a model card `model.json`, as the next version of `name`.

        Versions count from 1, are never reused or changed, and are unique under concurrent
        registrations. Registering the same run's same files again returns the version they have, with the tags that
        it was given then; other files, or another run's, are another version.
        """

    @abstractmethod
    def names(self) -> list[str]:
        """The names that have a version, whole or damaged; sorted."""

    @abstractmethod
    def versions(self, name: str) -> list[ModelVersion]:
        """Oldest first, without those that `damaged` tells of; empty for an unknown name."""

    def damaged(self, name: str) -> Mapping[int, RegistryError]:
        """The versions that are there and cannot be read, by number: each with what is wrong and how to mend it."""
        return {}

    @abstractmethod
    def fetch(self, name: str, version: int, dest: Path) -> list[Path]:
        """Copy a version's files below `dest`; every hash is checked.

        Raises RegistryError where a file is missing or not what was registered.
        """

    @abstractmethod
    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Have `alias` ("production", say) mean an existing version of `name`, and no other, from now on."""

    @abstractmethod
    def aliases(self, name: str) -> Mapping[str, int]:
        """The version that each alias of `name` means; empty for an unknown name."""
