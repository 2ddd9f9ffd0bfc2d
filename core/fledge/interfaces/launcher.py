"""Launcher: how the processes of one job are started, and how they talk to each other while training."""

from abc import ABC, abstractmethod

from fledge.interfaces.job import Resources
from fledge.interfaces.options import Options


class Group(ABC):
    """The processes that train one model together, seen from one of them."""

    @property
    @abstractmethod
    def rank(self) -> int:
        """This process, counted from 0. Rank 0 writes the journal and the models."""

    @property
    @abstractmethod
    def world_size(self) -> int:
        """How many processes there are."""

    @abstractmethod
    def average(self, values: list[float]) -> list[float]:
        """The mean of each value over all processes, on every one of them."""

    @abstractmethod
    def broadcast(self, values: list[float]) -> list[float]:
        """Rank 0's values, on every process."""

    @abstractmethod
    def barrier(self) -> None:
        """Returns when every process has come here."""


class Launcher(ABC):
    """Starts ranks."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @abstractmethod
    def command(self, argv: tuple[str, ...], resources: Resources) -> tuple[str, ...]:
        """What to execute on each node so that `argv` runs once a rank. Pure.

        It ends when all ranks have; one that fails ends the others, and the exit status is then not 0. A SIGTERM that
        it gets reaches every rank, and they have time to do what they do about it.

        Raises UsageError where it cannot start that many.
        """

    @abstractmethod
    def group(self) -> Group:
        """The group this process belongs to; called once, in each rank's worker."""
