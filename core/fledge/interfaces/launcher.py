"""Launcher: how the processes of one job are started, and how they talk to each other while training."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fledge.errors import SpecError
from fledge.interfaces.backend import Finding
from fledge.interfaces.job import Resources
from fledge.interfaces.options import Options

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


@dataclass(frozen=True)
class Place:
    """One process among those of a job: `rank` counts from 0 over all nodes, `local_rank` on its own node."""

    rank: int = 0
    local_rank: int = 0
    world_size: int = 1


ALONE = Place()


@dataclass(frozen=True)
class Parallel:
    """A network and its optimizer, tied to those of the other processes.

    module     what is called on this process's share of a batch
    optimizer  what is stepped
    alone      makes a context within which gradients add up on this process, until a backward pass outside of it
    averaged   makes a context that begins when all gradients are their mean over the processes; within it they may be
               read and changed, and the optimizer is stepped
    """

    module: "nn.Module"
    optimizer: "Optimizer"
    alone: Callable[[], AbstractContextManager[object]] = nullcontext
    averaged: Callable[[], AbstractContextManager[object]] = nullcontext


class Group(ABC):
    """The processes that train one model together, seen from one of them.

    Every process calls the same methods in the same order. One that waits in vain, because another has ended or does
    not come, raises RuntimeError within the launcher's time-out.
    """

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def rank(self) -> int:
        """This process, counted from 0. Rank 0 writes the journal and the models."""
        return self.place.rank

    @property
    def local_rank(self) -> int:
        """This process among those of its node, counted from 0: the number of its GPU, where there are any."""
        return self.place.local_rank

    @property
    def world_size(self) -> int:
        """How many processes there are."""
        return self.place.world_size

    @abstractmethod
    def average(self, values: list[float]) -> list[float]:
        """The mean of each value over all processes, on every one of them; computed in float64."""

    @abstractmethod
    def broadcast(self, content: bytes) -> bytes:
        """Rank 0's content, of any length, on every process."""

    @abstractmethod
    def barrier(self) -> None:
        """Returns when every process has come here."""

    @abstractmethod
    def parallel(self, module: "nn.Module", optimizer: "Optimizer", accumulate: int) -> Parallel:
        """Tie them to the other processes', whose weights become rank 0's.

        accumulate: how many backward passes come before a step, at most.
        """

    def synchronize_batchnorm(self, module: "nn.Module") -> "nn.Module":
        """The module with batch-norm layers whose statistics are those of all processes' samples together.

        Raises SpecError where the launcher has no such layers.
        """
        raise SpecError(
            "training.sync_batchnorm = true: this launcher has no synchronized batch-norm",
            hint="leave it out, or choose another launcher: --launcher torchrun",
        )


class Launcher(ABC):
    """Starts ranks."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def place(self) -> Place:
        """Where this process stands, known before its group has met: from RANK, LOCAL_RANK and WORLD_SIZE.

        Called in a rank's worker, and cheap.
        """
        return Place(*(int(os.environ.get(name, default)) for name, default in _PLACE))

    @abstractmethod
    def command(self, argv: tuple[str, ...], resources: Resources) -> tuple[str, ...]:
        """What to execute on each node so that `argv` runs once a rank. Pure.

        It ends when all ranks have; one that fails ends the others, and the exit status is then not 0. A SIGTERM that
        it gets reaches every rank, and they have time to do what they do about it.

        Where there is more than one node, each finds NODE_RANK (from 0), MASTER_ADDR and MASTER_PORT (an address of
        node 0, and a free port there) in its environment.

        Where `resources.min_processes` is told, a process that was killed by a signal ends the others, and those that
        are left are started again with a new group, while there are so many.

        Raises UsageError where it cannot start that many, or not go on with fewer.
        """

    def check(self) -> list[Finding]:
        """What `fledge doctor` should say about this launcher."""
        return []

    @abstractmethod
    def group(self) -> Group:
        """The group this process belongs to; called once, in each rank's worker."""


_PLACE = (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1"))
