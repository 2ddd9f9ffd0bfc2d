"""Single: one process, on one machine."""

from fledge.errors import UsageError
from fledge.interfaces.job import Resources
from fledge.interfaces.launcher import Group, Launcher


class SingleGroup(Group):
    """A group of one agrees with itself."""

    rank = 0
    world_size = 1

    def average(self, values: list[float]) -> list[float]:
        return values

    def broadcast(self, values: list[float]) -> list[float]:
        return values

    def barrier(self) -> None:
        return


class Single(Launcher):
    def command(self, argv: tuple[str, ...], resources: Resources) -> tuple[str, ...]:
        if resources != Resources():
            raise UsageError(
                f"launcher 'single' starts one process on one node, not {resources.processes} on {resources.nodes}",
                hint="choose a launcher for many: --launcher NAME",
            )
        return argv

    def group(self) -> Group:
        return SingleGroup()
