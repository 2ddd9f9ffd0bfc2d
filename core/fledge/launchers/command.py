"""How a launcher has `fledge.launchers.ranks` start the ranks of a node."""

from fledge.errors import UsageError
from fledge.interfaces.job import Resources


def ranks_command(argv: tuple[str, ...], resources: Resources) -> tuple[str, ...]:
    """What executes `argv` once a rank on each node: itself, where there is one process.

    Each rank finds RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT in its environment. The
    command keeps what `Launcher.command` promises. Raises UsageError where nodes would get unequal numbers.
    """
    if resources.processes % resources.nodes:
        raise UsageError(
            f"{resources.processes} processes cannot be shared equally by {resources.nodes} nodes",
            hint="launcher.processes counts those of all nodes together: make it a multiple of launcher.nodes",
        )
    if resources.processes == 1:
        return argv
    return ("python", "-P", "-m", "fledge.launchers.ranks", str(resources.processes), str(resources.nodes), *argv)
