"""Example: a process a rank, all on one machine."""

from fledge import Group, Launcher, Resources, UsageError

from fledge_example.options import ExampleOptions


class Example(Launcher):
    options: ExampleOptions

    def command(self, argv: tuple[str, ...], resources: Resources) -> tuple[str, ...]:
        if resources.nodes != 1:
            raise UsageError(f"launcher 'example' starts processes on one node, not on {resources.nodes}")
        words = ("-m", "fledge_example.ranks", str(resources.processes), str(self.options.grace))
        return ("python", *words, *argv)

    def group(self) -> Group:
        # Imported late: whoever makes the command needs no torch.
        from fledge_example.group import GlooGroup

        return GlooGroup()
