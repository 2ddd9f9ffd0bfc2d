"""What a person means by a name: a plugin, or one of the things that plugins offer."""

from fledge.discovery.catalog import Catalog, Found
from fledge.discovery.plugin import Plugin
from fledge.errors import UnknownName
from fledge.hooks import KINDS


def asked(catalog: Catalog, name: str) -> tuple[list[Plugin], list[Found]]:
    """The plugins called so, with all they offer; where there is none, the offers called so, with their plugins.

    A distribution's name means its plugins, and `KIND/NAME` an offer. Raises UnknownName.
    """
    installed = [*(one.plugin for one in catalog.loaded), *(one.plugin for one in catalog.broken), *catalog.disabled]
    plugins = [plugin for plugin in dict.fromkeys(installed) if plugin.called(frozenset({name}))]
    if plugins:
        return plugins, [one for plugin in plugins for one in catalog.made_by(plugin)]
    every = [one for kind in KINDS for one in catalog.offers(kind)]
    found = [one for one in every if name in (one.offer.name, f"{one.kind}/{one.offer.name}")]
    if not found:
        known = {plugin.name for plugin in installed} | {one.offer.name for one in every}
        raise UnknownName("plugin or offer", name, known)
    return list(dict.fromkeys(one.plugin for one in found)), found
