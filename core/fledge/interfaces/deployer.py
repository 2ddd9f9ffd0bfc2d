"""Deployer: a backend that can also have a model answer, all day, at an address of its own."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fledge.interfaces.registry import ModelVersion


@dataclass(frozen=True)
class Deployable:
    """A registered model, with all that it takes to have it answer.

    version       of a registry; `folder` holds its files, as they were registered
    file          the exported one among them that is to answer, proved to do so as the model does
    requirements  pinned distributions without which nobody can open it, as pip requirement lines
    """

    version: ModelVersion
    folder: Path
    file: str
    requirements: tuple[str, ...]


@dataclass(frozen=True)
class Deployed:
    """url is where to POST pictures; notes are what whoever asked for it should know, such as how to get
    its key, a line each."""

    name: str
    url: str
    notes: tuple[str, ...] = ()


class Deployer(ABC):
    """A ComputeBackend that is one as well can have a model answer: `fledge deploy`.

    Raises UsageError or RunError, with what to do.
    """

    @abstractmethod
    def plan_deployment(self, model: Deployable, name: str) -> dict[str, Any]:
        """What `deploy` would make, as JSON values. Asks nobody and writes nothing.

        name: of the address. Raises UsageError for what cannot be.
        """

    @abstractmethod
    def deploy(self, model: Deployable, name: str) -> Deployed:
        """Returns once it answers. The same again is fine; another model at the same name takes the place of the one
        before once it is healthy, and not earlier."""
