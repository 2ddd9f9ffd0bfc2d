"""Discovery: every installed plugin is loaded, or it is known why not."""

from importlib.metadata import EntryPoint, entry_points

from fledge.discovery import disabled
from fledge.discovery.catalog import Catalog, Found
from fledge.discovery.plugin import BrokenPlugin, LoadedPlugin, Plugin, load
from fledge.hooks import GROUP, KINDS, Offer, new_manager


def installed() -> list[tuple[Plugin, EntryPoint]]:
    """All there are, disabled or not, sorted by name; nothing is imported."""
    listed = [(Plugin.of(entry_point), entry_point) for entry_point in entry_points(group=GROUP)]
    # An editable install can be listed twice, by its metadata and by its source folder.
    unique = {(plugin.name, plugin.distribution, point.value): (plugin, point) for plugin, point in listed}
    return sorted(unique.values(), key=lambda one: (one[0].name, one[0].distribution))


def discover() -> Catalog:
    """Ask every installed plugin that is not disabled what it offers."""
    off = disabled.by_file() | disabled.by_variable()
    manager = new_manager()
    loaded: dict[str, LoadedPlugin] = {}
    broken: list[BrokenPlugin] = []
    asleep: list[Plugin] = []
    for plugin, entry_point in installed():
        if plugin.called(off):
            asleep.append(plugin)
            continue
        one = load(manager, plugin, entry_point)
        if isinstance(one, BrokenPlugin):
            broken.append(one)
        else:
            loaded[str(plugin)] = one
    found: list[Found] = []
    for kind, hook in KINDS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            owner = loaded[implementation.plugin_name]
            try:
                with owner.watched():
                    found += [Found(kind, _checked(offer), owner.plugin) for offer in implementation.function()]
            except (Exception, SystemExit) as error:  # noqa: BLE001 -- a stranger's function
                broken.append(BrokenPlugin.of(owner, error, hook))
    unknown = sorted(disabled.by_variable() - {name for one in asleep for name in (one.name, one.distribution)})
    return Catalog(found, loaded=loaded.values(), broken=broken, disabled=asleep, unknown=unknown)


def _checked(offer: object) -> Offer:
    if not isinstance(offer, Offer):
        raise TypeError(f"{offer!r} is not a fledge.Offer")
    return offer
