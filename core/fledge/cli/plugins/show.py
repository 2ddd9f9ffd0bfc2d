"""`fledge plugins show`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fledge.cli.words import AsJson

if TYPE_CHECKING:
    from fledge.discovery.plugin import Plugin

Name = Annotated[
    str, typer.Argument(help="A plugin, or something that one offers; KIND/NAME where both are called so.")
]


def show(name: Name, as_json: AsJson = False) -> int:
    """What a plugin offers, with the options of each: types, defaults, help. Imports no implementation."""
    from fledge.cli.printing import print_json
    from fledge.discovery.asked import asked
    from fledge.discovery.discover import discover
    from fledge.discovery.roster import roster
    from fledge.errors import PluginError
    from fledge.option_table import option_table

    catalog = discover()
    plugins, found = asked(catalog, name)
    status = 0
    for row in roster(catalog):
        mine = next(
            (one for one in plugins if (one.name, one.distribution) == (row["plugin"], row["distribution"])), None
        )
        if mine is None:
            continue
        row["details"] = [one.details for one in catalog.broken if one.plugin == mine]
        meant = {(one.kind, one.offer.name) for one in found}
        row["offers"] = [offer for offer in row["offers"] if (offer["kind"], offer["name"]) in meant]
        for offer in row["offers"]:
            try:
                made = next(one.offer for one in found if (one.kind, one.offer.name) == (offer["kind"], offer["name"]))
                offer["options"] = option_table(catalog.options_class(made))
            except PluginError as error:
                # One offer's trouble hides no other's options.
                offer["options"], offer["error"], status = [], str(error), 1
        print_json(row) if as_json else _print(row, mine)
        status = status or int(row["state"] in ("left out", "in part"))
    return status


def _print(row: dict[str, Any], plugin: "Plugin") -> None:
    from fledge.cli.printing import print_table
    from fledge.discovery.disabled import remedy

    print(f"plugin {row['plugin']}: {row['distribution']} {row['version']}, {row['state']}")
    for line in [*row["remarks"], *row["details"]]:
        print(line.rstrip())
    if row["state"] == "disabled":
        print(f"to have it take part again: {remedy(plugin)}")
    for offer in row["offers"]:
        print(f"\n{offer['kind']} {offer['name']}" + (f": {offer['summary']}" if offer["summary"] else ""))
        print(f"  {offer['target']}")
        if "error" in offer:
            print(f"  its options cannot be shown: {offer['error']}")
        elif not offer["options"]:
            print("  no options")
        else:
            rows = [[f"  {o['name']}", o["type"], _default(o), o["help"]] for o in offer["options"]]
            print_table(["  option", "type", "default", "help"], rows)


def _default(option: dict[str, Any]) -> str:
    import json

    return "(required)" if option["required"] else "" if option["default"] is None else json.dumps(option["default"])
