"""`fledge plugins new`."""

from pathlib import Path
from typing import Annotated

import typer


def new(
    kind: Annotated[str, typer.Argument(help="backend, dataset, extension, launcher, model, registry or tracker.")],
    name: Annotated[str, typer.Argument(help="What it is called, everywhere: night-sky.")],
    folder: Annotated[Path, typer.Option("--in", help="The folder in which its own is made.")] = Path(),
) -> None:
    """Write a complete small plugin that installs, is found, and passes its own tests."""
    from fledge.cli.context import context
    from fledge.discovery.discover import installed
    from fledge.errors import UnknownName, UsageError
    from fledge.hooks import KINDS
    from fledge.scaffold import write_plugin

    if kind not in KINDS:
        raise UnknownName("kind of plugin", kind, KINDS)
    taken = [one.plugin for one in context().catalog.offers(kind) if one.offer.name == name]
    taken += [plugin for plugin, _ in installed() if name == plugin.name or f"fledge-{name}" == plugin.distribution]
    if taken:
        raise UsageError(f"{name!r} is taken, by {taken[0].distribution}", hint="choose another name")
    for path in write_plugin(kind, name, folder):
        print(path)
    place = folder / name
    print(f"\nnext: pip install -e '{place}[dev]' && fledge plugins check {name} && pytest {place}")
