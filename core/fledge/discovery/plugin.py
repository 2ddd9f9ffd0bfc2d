"""Loading one plugin so that whatever is wrong with it stays its own problem."""

import inspect
import sys
import traceback
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from types import ModuleType

import pluggy

from fledge.errors import PluginError
from fledge.hooks import API_VERSION, GROUP


@dataclass(frozen=True)
class Plugin:
    """An installed plugin: its entry point's name, and the distribution that brought it."""

    name: str
    distribution: str
    version: str
    package: str

    @classmethod
    def of(cls, entry_point: EntryPoint) -> "Plugin":
        package = entry_point.module.split(".")[0]
        if entry_point.dist is None:
            return cls(entry_point.name, "?", "?", package)
        # Once: every look at it reads and parses the distribution's file.
        told = entry_point.dist.metadata
        return cls(entry_point.name, told["Name"], told["Version"], package)


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that is installed but left out, and why. `details` is a traceback where there is one."""

    plugin: Plugin
    reason: str
    details: str = ""

    def __str__(self) -> str:
        return f"plugin {self.plugin.name!r} of distribution {self.plugin.distribution!r} is left out: {self.reason}"


def register(manager: pluggy.PluginManager, plugin: Plugin, entry_point: EntryPoint) -> BrokenPlugin | None:
    """Load the plugin into the manager; returns what is wrong with it instead of raising."""
    try:
        with quiet_stdout():
            module = entry_point.load()
        _check_version(module)
        _check_parameters(manager, module)
        manager.register(module, name=plugin.name)
        manager.check_pending()
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- anything may happen in a stranger's module
        if manager.has_plugin(plugin.name):
            manager.unregister(name=plugin.name)
        told = f"{type(error).__name__}: {error}" if not isinstance(error, PluginError) else str(error)
        return BrokenPlugin(plugin, told, traceback.format_exc())
    return None


def quiet_stdout() -> AbstractContextManager[object]:
    """What a plugin prints while it is loaded goes to standard error: standard output belongs to the command."""
    return redirect_stdout(sys.stderr)


def _check_version(module: ModuleType) -> None:
    version = getattr(module, "FLEDGE_API", API_VERSION)
    if version != API_VERSION:
        raise PluginError(
            f"it was made for version {version} of fledge's plugin interface, and this is version {API_VERSION}"
        )


def _check_parameters(manager: pluggy.PluginManager, module: ModuleType) -> None:
    # pluggy passes nothing to a parameter that has a default, without a word.
    for name in dir(module):
        if manager.parse_hookimpl_opts(module, name) is None:
            continue
        defaults = [
            p.name for p in inspect.signature(getattr(module, name)).parameters.values() if p.default is not p.empty
        ]
        if defaults:
            raise PluginError(
                f"hook {GROUP}:{name} gives its parameter {defaults[0]!r} a default, so it would never be filled in"
            )
