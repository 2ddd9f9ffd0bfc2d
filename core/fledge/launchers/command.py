"""How a launcher has `fledge.launchers.ranks` start the ranks of a node."""

from fledge.errors import UsageError
from fledge.interfaces.job import Resources


def ranks_command(argv: tuple[str, ...], resources: Resources) -> tuple[str, ...]:
    """What executes `argv` once a rank on each node: itself, where there is one process.

    Each rank finds RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT in its environment. On
    one node that port is held until rank 0 listens there, which has to do so with SO_REUSEADDR, as torch and Gloo do.
    The command keeps what `Launcher.command` promises. Raises UsageError where nodes would get unequal numbers, or
    where those of several nodes should go on with fewer.
    """
    if resources.processes % resources.nodes:
        raise UsageError(
            f"{resources.processes} processes cannot be shared equally by {resources.nodes} nodes",
            hint="launcher.processes counts those of all nodes together: make it a multiple of launcher.nodes",
        )
    if resources.nodes > 1 and resources.min_processes is not None:
        raise UsageError(
            f"the processes on {resources.nodes} nodes cannot go on with fewer (launcher.min_processes)",
            hint="leave it out: where one was lost, fledge runs resume RUN --processes N --nodes N",
        )
    if resources.processes == 1:
        return argv
    few = "" if resources.min_processes is None else f"{resources.min_processes}:"
    count = f"{few}{resources.processes}"
    return ("python", "-P", "-m", "fledge.launchers.ranks", count, str(resources.nodes), *argv)
