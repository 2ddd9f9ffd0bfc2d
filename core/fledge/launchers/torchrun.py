"""Torchrun: processes that train together through torch.distributed, found as torchrun has them find each other."""

from fledge.interfaces.job import Resources
from fledge.interfaces.launcher import Group, Launcher
from fledge.launchers.command import ranks_command
from fledge.launchers.options import TorchrunOptions
from fledge.launchers.single import SingleGroup


class Torchrun(Launcher):
    options: TorchrunOptions

    def command(self, argv: tuple[str, ...], resources: Resources) -> tuple[str, ...]:
        return ranks_command(argv, resources)

    def group(self) -> Group:
        place = self.place()
        if place.world_size == 1:
            return SingleGroup()
        # Imported late: whoever makes the command needs no torch.
        from fledge.launchers.torch_group import TorchGroup

        return TorchGroup(place, self.options)
