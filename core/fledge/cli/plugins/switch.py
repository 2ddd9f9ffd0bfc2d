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
    disabled.keep(disabled.by_file() | {name})
    print(f"{name} is disabled: {disabled.disabled_file()} says so, and `fledge plugins enable {name}` undoes it")


def enable(name: Name) -> None:
    """Let a disabled plugin take part again."""
    from fledge.discovery import disabled
    from fledge.discovery.discover import installed
    from fledge.errors import UnknownName, UsageError

    if name in disabled.by_variable():
        raise UsageError(f"{name} is disabled by {disabled.VARIABLE}, and not by `fledge plugins disable`")
    off = disabled.by_file()
    if name in off:
        disabled.keep(off - {name})
        print(f"{name} takes part again")
        return
    meant = {word for plugin, _ in installed() for word in (plugin.name, plugin.distribution)}
    if name not in meant:
        raise UnknownName("plugin", name, meant | off)
    by_other = [
        word
        for plugin, _ in installed()
        if name in (plugin.name, plugin.distribution)
        for word in off
        if plugin.called(frozenset({word}))
    ]
    if by_other:
        raise UsageError(f"{name} is disabled as {by_other[0]}", hint=f"fledge plugins enable {by_other[0]}")
    print(f"{name} was not disabled")
