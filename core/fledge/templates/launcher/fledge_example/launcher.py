"""Example: processes that train together through torch.distributed."""

from fledge import Group, Launcher, Resources, SingleGroup, ranks_command

from fledge_example.options import ExampleOptions


class Example(Launcher):
    options: ExampleOptions

    def command(self, argv: tuple[str, ...], resources: Resources) -> tuple[str, ...]:
        # fledge starts the ranks, each with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT in its environment.
        return ranks_command(argv, resources)

    def group(self) -> Group:
        place = self.place()
        if place.world_size == 1:
            return SingleGroup()
        # Imported late: whoever makes the command needs no torch.
        from fledge_example.group import GlooGroup

        return GlooGroup(place, self.options.timeout)
