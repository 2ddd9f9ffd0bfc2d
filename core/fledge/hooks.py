"""The hooks a plugin may implement: what it offers, and what it wants to be told.

A plugin is an entry point in the group `fledge` that names a module (or object) with functions marked `@hookimpl`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pluggy

if TYPE_CHECKING:
    from torch import nn

    from fledge.interfaces.run import RunInfo, Trained

GROUP = "fledge"
API_VERSION = 1

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)

Kind = Literal["dataset", "model", "backend", "launcher", "tracker", "registry", "extension"]


@dataclass(frozen=True)
class Offer:
    """One thing a plugin has to offer, by name; nothing is imported until somebody chooses it.

    target:   "package.module:Class", the implementation of the interface
    options:  "package.module:Options", its option class, importable without the implementation's
              heavy dependencies; without it the offer has no options
    summary:  one line for lists
    """

    name: str
    target: str
    options: str | None = None
    summary: str = ""


class OfferHooks:
    """Asked once, when a command needs to know what there is. Must be cheap: no heavy imports."""

    @hookspec
    def fledge_datasets(self) -> list[Offer]:  # type: ignore[empty-body]
        """Offer data sets: targets implement `fledge.Dataset`."""

    @hookspec
    def fledge_models(self) -> list[Offer]:  # type: ignore[empty-body]
        """Offer models: targets implement `fledge.Model`."""

    @hookspec
    def fledge_backends(self) -> list[Offer]:  # type: ignore[empty-body]
        """Offer compute backends: targets implement `fledge.ComputeBackend`, and may be `fledge.Clusters`,
        `fledge.Deployer` and `fledge.Sweeper` besides."""

    @hookspec
    def fledge_launchers(self) -> list[Offer]:  # type: ignore[empty-body]
        """Offer launchers: targets implement `fledge.Launcher`."""

    @hookspec
    def fledge_trackers(self) -> list[Offer]:  # type: ignore[empty-body]
        """Offer trackers: targets implement `fledge.Tracker`."""

    @hookspec
    def fledge_registries(self) -> list[Offer]:  # type: ignore[empty-body]
        """Offer model registries: targets implement `fledge.Registry`."""

    @hookspec
    def fledge_extensions(self) -> list[Offer]:  # type: ignore[empty-body]
        """Offer extensions: targets are classes whose methods implement the lifecycle hooks."""


class LifecycleHooks:
    """Told to the extensions that a run asked for (`--with NAME`), in the worker, one after another.

    An extension that raises fails the run: what a person asked for by name must not be lost silently.
    """

    @hookspec
    def run_started(self, run: "RunInfo") -> None:
        """The worker is up and the spec is known; no data has been touched."""

    @hookspec
    def epoch_ended(self, run: "RunInfo", epoch: int, metrics: dict[str, float]) -> None:
        """An epoch (counted from 1) was trained and evaluated."""

    @hookspec
    def step_ended(self, run: "RunInfo", epoch: int, step: int, module: "nn.Module") -> None:
        """The weights moved: step (from 1) of an epoch (from 1). `module` is what trains, so in mode "head" the head.

        Called with the training waiting, thousands of times: be quick.
        """

    @hookspec
    def model_trained(self, run: "RunInfo", trained: "Trained") -> None:
        """Training ended and the best and last models are on disk. Files written below `run.outputs` are collected."""

    @hookspec
    def run_ended(self, run: "RunInfo", state: str) -> None:
        """The last thing told: `state` is COMPLETED, FAILED, CANCELED or PREEMPTED.

        A run that is resumed begins with `run_started` again, in another process.
        """


KINDS: dict[Kind, str] = {
    "dataset": "fledge_datasets",
    "model": "fledge_models",
    "backend": "fledge_backends",
    "launcher": "fledge_launchers",
    "tracker": "fledge_trackers",
    "registry": "fledge_registries",
    "extension": "fledge_extensions",
}


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows fledge's hooks and no plugin."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(OfferHooks)
    manager.add_hookspecs(LifecycleHooks)
    return manager
