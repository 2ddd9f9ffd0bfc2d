"""Loading one plugin so that whatever is wrong with it stays its own problem."""

import re
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint
from io import StringIO
from types import ModuleType

import pluggy

from fledge.errors import PluginError, did_you_mean
from fledge.hooks import API_VERSION, GROUP

# Above this a plugin's import is told of: every command waits for it.
SLOW_SECONDS = 0.5
_FIELD = re.compile(r"^(Name|Version): *(.+?)\r?$", re.MULTILINE)


@dataclass(frozen=True)
class Plugin:
    """An installed plugin: its entry point's name, and the distribution that brought it."""

    name: str
    distribution: str
    version: str
    package: str

    @classmethod
    def of(cls, entry_point: EntryPoint) -> "Plugin":
        # By hand: of a value that names no module, its own property says nothing but an AttributeError.
        package = re.split(r"[.:]", entry_point.value)[0].strip()
        return cls(entry_point.name, *name_and_version(entry_point.dist), package)

    def __str__(self) -> str:
        return f"{self.name} of {self.distribution}"

    def called(self, names: frozenset[str]) -> bool:
        """Whether it is meant by one of these: its own name, or its distribution's."""
        return self.name in names or self.distribution in names


def name_and_version(distribution: Distribution | None) -> tuple[str, str]:
    """Of an installed distribution; "?" for what its metadata does not say.

    The headers alone: `Distribution.metadata` parses a whole README, a hundred times where there are so many of them.
    """
    try:
        files = (distribution.read_text(name) for name in ("METADATA", "PKG-INFO")) if distribution else ()
        told = dict(_FIELD.findall(next(filter(None, files), "").partition("\n\n")[0]))
    except ValueError:
        # No text, though it should be: what it is called is all that is lost.
        told = {}
    return told.get("Name", "?"), told.get("Version", "?")


@dataclass
class LoadedPlugin:
    """A plugin that takes part; how many seconds its own code held up the command so far, and whether it printed."""

    plugin: Plugin
    seconds: float = 0.0
    printed: bool = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within, the plugin's code is at work."""
        began = time.perf_counter()
        with quiet_stdout() as output:
            try:
                yield
            finally:
                self.seconds += time.perf_counter() - began
                self.printed |= output.used

    def remarks(self) -> list[str]:
        """What its author should hear of, though it works."""
        slow = f"takes {round(self.seconds, 4):.1f} s to import, which every command waits for"
        prints = "prints while it is imported"
        return [text for told, text in ((self.seconds > SLOW_SECONDS, slow), (self.printed, prints)) if told]


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that is installed but left out, wholly or in part, and why; how long its code took to come to that.

    details is a traceback, where there is one.
    """

    plugin: Plugin
    reason: str
    details: str = ""
    partly: bool = False
    seconds: float = 0.0

    def __str__(self) -> str:
        out = "left out in part" if self.partly else "left out"
        return f"plugin {self.plugin.name!r} of distribution {self.plugin.distribution!r} is {out}: {self.reason}"

    @classmethod
    def of(cls, loaded: LoadedPlugin, error: BaseException, hook: str | None = None) -> "BrokenPlugin":
        told = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        reason = f"{hook} raised {told}" if hook else told
        details = "".join(traceback.format_exception(error))
        return cls(loaded.plugin, reason, details, partly=hook is not None, seconds=loaded.seconds)


def load(manager: pluggy.PluginManager, plugin: Plugin, entry_point: EntryPoint) -> LoadedPlugin | BrokenPlugin:
    """Register the plugin with the manager, as `str(plugin)`; what is wrong with it is returned, never raised."""
    loaded = LoadedPlugin(plugin)
    name = str(plugin)
    try:
        with loaded.watched():
            module = entry_point.load()
        _check_version(module)
        manager.register(module, name=name)
        _check_hooks(manager, module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- a stranger's module: it may exit, or panic
        if manager.has_plugin(name):
            manager.unregister(name=name)
        return BrokenPlugin.of(loaded, error)
    return loaded


class _StandardError(StringIO):
    """Standard error for whoever believes to write to standard output; remembers whether anybody did."""

    used = False

    def write(self, text: str) -> int:
        self.used = True
        return sys.stderr.write(text)


def quiet_stdout() -> AbstractContextManager[_StandardError]:
    """What a plugin prints while it is loaded goes to standard error: standard output belongs to the command."""
    return redirect_stdout(_StandardError())


def _check_version(module: ModuleType) -> None:
    version = getattr(module, "FLEDGE_API", API_VERSION)
    if version != API_VERSION:
        raise PluginError(
            f"it was made for version {version} of fledge's plugin interface, and this is version {API_VERSION}",
            hint="install a release of the two that fit each other",
        )


def _check_hooks(manager: pluggy.PluginManager, module: ModuleType) -> None:
    """What pluggy passes over: a hook that nobody will call, and a parameter that it will never fill in."""
    callers = {name: caller for name, caller in vars(manager.hook).items() if not name.startswith("_")}
    for name, caller in callers.items():
        for told in caller.get_hookimpls():
            if told.plugin is not module:
                continue
            if not caller.has_spec() and not told.optionalhook:
                known = [other for other, one in callers.items() if one.has_spec()]
                raise PluginError(f"unknown hook {name!r}{did_you_mean(name, known)}")
            if told.kwargnames:
                raise PluginError(
                    f"hook {GROUP}:{name} gives its parameter {told.kwargnames[0]!r} a default, "
                    "so it would never be filled in"
                )
