"""The least that a command line with plugins can cost: Typer, pluggy, and commands that do nothing.

    python bare_cli.py COUNTS [words...]

COUNTS is JSON: how many commands there are in each group, and under "" beside the groups.
"""

import json
import sys

import pluggy
import typer

hookspec = pluggy.HookspecMarker("bare")


class Hooks:
    @hookspec
    def offers(self) -> None:
        """What a plugin has to offer."""


def command(
    name: str = typer.Argument(help="Which one."), as_json: bool = typer.Option(False, "--json", help="As JSON.")
) -> None:
    """Do nothing."""


def main() -> None:
    counts: dict[str, int] = json.loads(sys.argv.pop(1))
    manager = pluggy.PluginManager("bare")
    manager.add_hookspecs(Hooks)
    manager.load_setuptools_entrypoints("bare")
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Nothing at all.")
    for group, count in counts.items():
        commands = typer.Typer(no_args_is_help=True) if group else app
        for number in range(count):
            commands.command(f"command{number}")(command)
        if group:
            app.add_typer(commands, name=group, help="Commands that do nothing.")
    app()


if __name__ == "__main__":
    main()
