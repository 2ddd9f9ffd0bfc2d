"""Single: one process, on one machine."""

from typing import TYPE_CHECKING

from fledge.errors import UsageError
from fledge.interfaces.job import Resources
from fledge.interfaces.launcher import ALONE, Group, Launcher, Parallel, Place

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


class SingleGroup(Group):
    """A group of one agrees with itself."""

    def __init__(self) -> None:
        super().__init__(ALONE)

    def average(self, values: list[float]) -> list[float]:
        return values

    def broadcast(self, content: bytes) -> bytes:
        return content

    def barrier(self) -> None:
        return

    def parallel(self, module: "nn.Module", optimizer: "Optimizer", accumulate: int) -> Parallel:
        return Parallel(module, optimizer)

    def synchronize_batchnorm(self, module: "nn.Module") -> "nn.Module":
        return module


class Single(Launcher):
    def place(self) -> Place:
        # Whatever the variables of a surrounding job say.
        return ALONE

    def command(self, argv: tuple[str, ...], resources: Resources) -> tuple[str, ...]:
        if resources != Resources():
            raise UsageError(
                f"launcher 'single' starts one process on one node, not {resources.processes} on {resources.nodes}",
                hint="choose a launcher for many, such as --launcher torchrun",
            )
        return argv

    def group(self) -> Group:
        return SingleGroup()
