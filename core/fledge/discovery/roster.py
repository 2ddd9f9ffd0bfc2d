"""The roster: every installed plugin, what it offers, and what is the matter with it."""

from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.discovery.plugin import Plugin


def roster(catalog: Catalog) -> list[dict[str, Any]]:
    """An object a plugin, JSON values only."""
    reasons: dict[Plugin, list[str]] = {}
    for broken in catalog.broken:
        reasons.setdefault(broken.plugin, []).append(f"left out: {broken.reason}")
    seconds = {one.plugin: one.seconds for one in catalog.broken} | {one.plugin: one.seconds for one in catalog.loaded}
    remarks = {one.plugin: one.remarks() for one in catalog.loaded}
    found = []
    for plugin in dict.fromkeys([*seconds, *reasons, *catalog.disabled]):
        offers = [{"kind": one.kind, **vars(one.offer)} for one in catalog.made_by(plugin)]
        state = "ok" if plugin not in reasons else "in part" if offers else "left out"
        found.append(
            {
                "plugin": plugin.name,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "state": "disabled" if plugin in catalog.disabled else state,
                "offers": offers,
                "import_seconds": round(seconds.get(plugin, 0.0), 4),
                "remarks": reasons.get(plugin, []) + remarks.get(plugin, []),
            }
        )
    return sorted(found, key=lambda row: (row["plugin"], row["distribution"]))
