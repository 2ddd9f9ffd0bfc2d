"""Horovod: processes that train together through Horovod, over gloo or MPI."""

import os

from fledge import Finding, Group, Launcher, Place, Resources, RunError, SingleGroup, UsageError, ranks_command

from fledge_horovod.installed import built_for, installed
from fledge_horovod.options import HorovodOptions

# What Open MPI tells a process it has started.
_MPI = ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_SIZE")


class Horovod(Launcher):
    options: HorovodOptions

    def place(self) -> Place:
        if self.options.mpi and all(name in os.environ for name in _MPI):
            return Place(*(int(os.environ[name]) for name in _MPI))
        return super().place()

    def command(self, argv: tuple[str, ...], resources: Resources) -> tuple[str, ...]:
        command = ranks_command(argv, resources)
        if not self.options.mpi or resources.processes == 1:
            return command
        if resources.nodes != 1:
            raise UsageError(
                "launcher.mpi = true starts processes on one node: on a cluster its own MPI has to start them",
                hint="leave it out: on several nodes the processes meet through gloo",
            )
        if resources.min_processes is not None:
            raise UsageError(
                "launcher.mpi = true, and processes that meet through MPI cannot go on with fewer",
                hint="leave out launcher.mpi, or launcher.min_processes",
            )
        return ("python", "-P", "-m", "fledge_horovod.mpirun", str(resources.processes), *argv)

    def check(self) -> list[Finding]:
        return [installed().finding()]

    def group(self) -> Group:
        """Raises RunError where there is no Horovod for this torch."""
        place = self.place()
        if place.world_size == 1:
            return SingleGroup()
        if wrong := built_for():
            raise RunError(wrong.fault, hint=wrong.remedy)
        # Imported late: whoever makes the command needs no torch.
        from fledge_horovod.group import HorovodGroup

        return HorovodGroup(place, self.options)
