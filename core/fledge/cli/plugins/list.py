"""`fledge plugins list`."""

from typing import Any

from fledge.cli.words import AsJson


def list_(as_json: AsJson = False) -> None:
    """Every installed plugin: what it offers, or why it is left out. Imports no implementation."""
    from fledge.cli.printing import print_json, print_table
    from fledge.discovery.discover import discover
    from fledge.discovery.roster import roster

    catalog = discover()
    told = roster(catalog)
    if as_json:
        for row in told:
            print_json(row)
        return
    shown = [
        [row["plugin"], f"{row['distribution']} {row['version']}", row["state"], ", ".join(_names(row))] for row in told
    ]
    print_table(["plugin", "distribution", "state", "offers"], shown)
    for line in catalog.namesakes():
        print(f"\n{line}")
    for row in told:
        for remark in row["remarks"]:
            print(f"\n{row['plugin']} ({row['distribution']}): {remark}")


def _names(row: dict[str, Any]) -> list[str]:
    return [f"{offer['kind']} {offer['name']}" for offer in row["offers"]]
