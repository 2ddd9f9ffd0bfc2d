"""Catalog: every offer of every installed plugin, and the way from an offer's name to its object."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from fledge.discovery.plugin import BrokenPlugin, Plugin, quiet_stdout, register
from fledge.errors import PluginError, UnknownName
from fledge.hooks import GROUP, KINDS, Kind, Offer, new_manager
from fledge.interfaces.options import Options
from fledge.spec.explain import spec_error
from fledge.spec.paths import absolute


@dataclass(frozen=True)
class Found:
    """An offer and the plugin that makes it."""

    kind: Kind
    offer: Offer
    plugin: Plugin


class Catalog:
    """What there is. Names that two plugins offer are kept apart and refused only when somebody chooses one."""

    def __init__(self, found: Iterable[Found], broken: Iterable[BrokenPlugin] = ()) -> None:
        self.broken = tuple(broken)
        self._found: dict[Kind, dict[str, list[Found]]] = {kind: defaultdict(list) for kind in KINDS}
        for one in found:
            self._found[one.kind][one.offer.name].append(one)

    def offers(self, kind: Kind) -> list[Found]:
        """All of one kind, sorted by name."""
        return [one for _, found in sorted(self._found[kind].items()) for one in found]

    def plugins(self) -> list[Plugin]:
        """Every plugin that offers something."""
        return list({one.plugin.name: one.plugin for kind in KINDS for one in self.offers(kind)}.values())

    def find(self, kind: Kind, name: str) -> Found:
        """Raises UnknownName, or PluginError where two plugins offer the name."""
        found = self._found[kind].get(name, [])
        if not found:
            raise UnknownName(kind, name, self._found[kind], hint=self._what_else(kind))
        if len(found) > 1:
            owners = " and ".join(repr(one.plugin.distribution) for one in found)
            raise PluginError(
                f"{kind} {name!r} is offered by both {owners}",
                hint="uninstall one of them, or name its plugin in FLEDGE_DISABLE_PLUGINS: "
                + ", ".join(one.plugin.name for one in found),
            )
        return found[0]

    def options(
        self, kind: Kind, name: str, told: Mapping[str, Any], base: Callable[[str], Path] | None = None
    ) -> Options:
        """The offer's options, validated, with relative paths made absolute against `base(option)`.

        A settled spec needs no base: its paths are absolute.

        Raises SpecError naming the option.
        """
        offer = self.find(kind, name).offer
        model = self.options_class(offer)
        try:
            options = model.model_validate(dict(told))
            paths = {
                field: absolute(value, base(field) if base else Path.cwd())
                for field, value in options
                if isinstance(value, Path)
            }
            return options.model_copy(update=paths)
        except ValidationError as error:
            raise spec_error(error, model, where=f"{kind} {name!r}", prefix=kind) from None

    def options_class(self, offer: Offer) -> type[Options]:
        return cast("type[Options]", _import(offer.options, offer)) if offer.options else Options

    def implementation(self, kind: Kind, name: str) -> Any:
        """The class an offer names; its module is imported now and not before."""
        offer = self.find(kind, name).offer
        return _import(offer.target, offer)

    def _what_else(self, kind: Kind) -> str | None:
        if not self.broken:
            return None
        names = ", ".join(sorted(self._found[kind])) or "none"
        return f"there is: {names}\n  " + "\n  ".join(str(one) for one in self.broken)


def discover() -> Catalog:
    """Ask every installed plugin that is not disabled what it offers."""
    disabled = {name.strip() for name in os.environ.get("FLEDGE_DISABLE_PLUGINS", "").split(",")}
    manager = new_manager()
    plugins: dict[str, Plugin] = {}
    broken: list[BrokenPlugin] = []
    listed = [(Plugin.of(entry_point), entry_point) for entry_point in entry_points(group=GROUP)]
    # An editable install can be listed twice, by its metadata and by its source folder.
    unique = {(plugin.name, plugin.distribution, point.value): (plugin, point) for plugin, point in listed}
    for plugin, entry_point in sorted(unique.values(), key=lambda one: one[0].name):
        if plugin.name in disabled:
            continue
        if plugin.name in plugins:
            other = plugins[plugin.name].distribution
            broken.append(BrokenPlugin(plugin, f"distribution {other!r} has a plugin of the same name"))
            continue
        plugins[plugin.name] = plugin
        problem = register(manager, plugin, entry_point)
        if problem:
            broken.append(problem)
    found = []
    for kind, hook in KINDS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            plugin = plugins[implementation.plugin_name]
            try:
                found += [Found(kind, offer, plugin) for offer in _asked(implementation.function)]
            except (Exception, SystemExit) as error:  # noqa: BLE001 -- a stranger's function
                broken.append(BrokenPlugin(plugin, f"{hook} raised {type(error).__name__}: {error}"))
    return Catalog(found, broken)


def _asked(hook: Callable[[], list[Offer]]) -> list[Offer]:
    with quiet_stdout():
        offers = list(hook())
    for offer in offers:
        if not isinstance(offer, Offer):
            raise TypeError(f"{offer!r} is not a fledge.Offer")
    return offers


def _import(target: str, offer: Offer) -> Any:
    module, _, attribute = target.partition(":")
    try:
        with quiet_stdout():
            imported = import_module(module)
    except (Exception, SystemExit) as error:
        missing = error.name.split(".")[0] if isinstance(error, ModuleNotFoundError) and error.name else None
        # What a plugin lacks of its own is no package's name to install.
        foreign = missing is not None and missing != module.split(".")[0]
        raise PluginError(
            f"{offer.name!r} needs {target}, which cannot be imported: {type(error).__name__}: {error}",
            hint=f"install what provides the module {missing}" if foreign else "its plugin is broken: ask its author",
        ) from error
    try:
        return getattr(imported, attribute)
    except AttributeError:
        raise PluginError(f"{offer.name!r} names {target}, and module {module} has no {attribute}") from None
