"""`fledge plugins disable` and `enable`."""

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="A plugin's name, or its distribution's where two have one name.")]


def disable(name: Name) -> None:
    """Leave a plugin out from now on, before it is imported: for this user, in every folder."""
    from fledge.discovery import disabled
    from fledge.discovery.discover import installed
    from fledge.errors import UnknownName, UsageError

    names = {word for plugin, _ in installed() for word in (plugin.name, plugin.distribution)}
    if name not in names:
        raise UnknownName("plugin", name, names)
    if name in ("core", "fledge"):
        raise UsageError(f"{name!r} is fledge itself, which nothing works without")
    disabled.change(name, off=True)
    print(f"{name} is disabled: {disabled.disabled_file()} says so, and `fledge plugins enable {name}` undoes it")


def enable(name: Name) -> None:
    """Let a disabled plugin take part again."""
    from fledge.discovery import disabled
    from fledge.discovery.discover import installed
    from fledge.errors import UnknownName, UsageError

    off = disabled.by_file()
    if name in off:
        disabled.change(name, off=False)
    if name in disabled.by_variable():
        raise UsageError(f"{name} is disabled by {disabled.VARIABLE}", hint="leave it out of that variable")
    if name in off:
        print(f"{name} takes part again")
        return
    plugins = [plugin for plugin, _ in installed()]
    meant = [plugin for plugin in plugins if plugin.called(frozenset({name}))]
    if not meant:
        known = {word for plugin in plugins for word in (plugin.name, plugin.distribution)}
        raise UnknownName("plugin", name, known | off)
    other = next((word for plugin in meant for word in (plugin.name, plugin.distribution) if word in off), None)
    if other:
        raise UsageError(f"{name} is disabled as {other}", hint=f"fledge plugins enable {other}")
    print(f"{name} was not disabled")
