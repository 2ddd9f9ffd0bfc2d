"""Catalog: every offer of every installed plugin, and the way from an offer's name to its object."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fledge.discovery.disabled import VARIABLE, remedy
from fledge.discovery.plugin import BrokenPlugin, LoadedPlugin, Plugin, quiet_stdout
from fledge.errors import PluginError, UnknownName
from fledge.hooks import KINDS, Kind, Offer

if TYPE_CHECKING:
    from fledge.interfaces.options import Options


@dataclass(frozen=True)
class Found:
    """An offer and the plugin that makes it."""

    kind: Kind
    offer: Offer
    plugin: Plugin


class Catalog:
    """What there is. Names that two plugins offer are kept apart and refused only when somebody chooses one.

    loaded, broken and disabled are the installed plugins, each in one of them; but one of whose hooks failed
    takes part with the others, and is in two. unknown are names of the variable that disables which mean none.
    """

    def __init__(
        self,
        found: Iterable[Found],
        *,
        loaded: Iterable[LoadedPlugin] = (),
        broken: Iterable[BrokenPlugin] = (),
        disabled: Iterable[Plugin] = (),
        unknown: Iterable[str] = (),
    ) -> None:
        self.loaded, self.broken, self.disabled = tuple(loaded), tuple(broken), tuple(disabled)
        self._unknown = tuple(unknown)
        self._found: dict[Kind, dict[str, list[Found]]] = {kind: defaultdict(list) for kind in KINDS}
        for one in found:
            self._found[one.kind][one.offer.name].append(one)

    def warnings(self) -> list[str]:
        """What every command should say of the installed plugins."""
        misspelt = [f"{VARIABLE} names {name!r}, and there is no such plugin" for name in self._unknown]
        return [*map(str, self.broken), *self.namesakes(), *misspelt]

    def offers(self, kind: Kind) -> list[Found]:
        """All of one kind, sorted by name."""
        return [one for _, found in sorted(self._found[kind].items()) for one in found]

    def made_by(self, plugin: Plugin) -> list[Found]:
        """All that a plugin offers."""
        return [one for kind in KINDS for one in self.offers(kind) if one.plugin == plugin]

    def find(self, kind: Kind, name: str) -> Found:
        """Raises UnknownName, or PluginError where two plugins offer the name."""
        found = self._found[kind].get(name, [])
        if not found:
            raise UnknownName(kind, name, self._found[kind], hint=self._what_else(kind))
        if len(found) > 1:
            owners = " and ".join(repr(one.plugin.distribution) for one in found)
            raise PluginError(
                f"{kind} {name!r} is offered by both {owners}",
                hint="leave one of them out: "
                + " or ".join(f"fledge plugins disable {one.plugin.distribution}" for one in found),
            )
        return found[0]

    def options(
        self, kind: Kind, name: str, told: Mapping[str, Any], base: Callable[[str], Path] | None = None
    ) -> "Options":
        """The offer's options, validated, with relative paths made absolute against `base(option)`.

        A settled spec needs no base: its paths are absolute.

        Raises SpecError naming the option.
        """
        # Whoever chooses what has no options, an exporter to open a file with, does without pydantic.
        from pydantic import ValidationError

        from fledge.spec.explain import spec_error
        from fledge.spec.paths import absolute

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
            raise spec_error(
                error,
                model,
                where=f"{kind} {name!r}",
                prefix=f"{kind}s.{name}" if kind in ("tracker", "extension") else kind,
                hint=f"fledge plugins show {kind}/{name} tells what each option may be",
            ) from None

    def options_class(self, offer: Offer) -> "type[Options]":
        from fledge.interfaces.options import Options

        found = _import(offer.options, offer) if offer.options else Options
        if not (isinstance(found, type) and issubclass(found, Options)):
            raise PluginError(f"{offer.name!r} names {offer.options}, which is no subclass of fledge.Options")
        return found

    def implementation(self, kind: Kind, name: str) -> Any:
        """The class an offer names; its module is imported now and not before."""
        offer = self.find(kind, name).offer
        return _import(offer.target, offer)

    def make(self, kind: Kind, name: str, told: Mapping[str, Any], *more: object) -> Any:
        """The object an offer names, with its options and what else its interface is constructed with."""
        return self.implementation(kind, name)(self.options(kind, name, told), *more)

    def _what_else(self, kind: Kind) -> str | None:
        told = [*map(str, self.broken)]
        told += [f"plugin {one.name!r} is disabled; {remedy(one)}" for one in self.disabled]
        if not told:
            return None
        names = ", ".join(sorted(self._found[kind])) or "none"
        return f"there is: {names}\n  " + "\n  ".join(told)

    def namesakes(self) -> list[str]:
        """A line for each name that two plugins have."""
        named: dict[str, list[str]] = defaultdict(list)
        for one in self.loaded:
            named[one.plugin.name].append(one.plugin.distribution)
        return [
            f"plugin {name!r} comes twice, from {' and '.join(map(repr, owners))}, two plugins of the same name: "
            f"leave one out with fledge plugins disable {owners[0]} (or {owners[1]})"
            for name, owners in named.items()
            if len(owners) > 1
        ]


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
