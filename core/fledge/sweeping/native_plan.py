"""What a sweep is that a service runs by itself, before it is sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from fledge.discovery.catalog import Catalog
from fledge.errors import PluginError, UsageError
from fledge.interfaces.search import Choices, Policy, Search, Value, written
from fledge.interfaces.sweeper import Sweeper
from fledge.plan.make import make_plan
from fledge.plan.plan import Plan
from fledge.spec.load import parse_assignment
from fledge.spec.run_spec import RunSpec
from fledge.spec.varied import ARGUMENT, spec_with
from fledge.sweeping.definition import Definition


def native_sampler(sampler: str | None, pruner: str | None) -> str:
    """Raises UsageError for what only fledge itself does."""
    if sampler == "tpe":
        raise UsageError(
            "of a native sweep the service draws the values, and knows no TPE",
            hint="--sampler random, or grid; or leave out --native",
        )
    if pruner == "asha":
        raise UsageError(
            "of a native sweep the service stops what lags behind, and knows no successive halving",
            hint="--pruner bandit --slack 0.15; or leave out --native",
        )
    return sampler or "random"


def natively(spec: RunSpec, catalog: Catalog) -> RunSpec:
    """The spec, whose trials tell the service their metric. Raises UsageError where its backend runs no sweeps."""
    kind = catalog.implementation("backend", spec.backend.name)
    if not issubclass(kind, Sweeper):
        others = ", ".join(_sweepers(catalog))
        hint = f"--set backend.name=NAME, of one that does: {others}" if others else "none of those installed does"
        raise UsageError(
            f"backend {spec.backend.name!r} runs no sweeps by itself", hint=f"leave out --native; or {hint}"
        )
    tracker = kind.sweep_tracker
    if tracker in spec.trackers:
        return spec
    # Not by reading it anew, which would forget where its words were written.
    return spec.model_copy(update={"trackers": {**spec.trackers, tracker: {}}})


def plan_natively(definition: Definition, parallel: int, catalog: Catalog, home: Path) -> Plan:
    """What is sent. Pure. Raises UsageError for what the service cannot search."""
    for key, domain in definition.space.items():
        if isinstance(domain, Choices) and not key.startswith(ARGUMENT):
            for value in domain.values:
                _check_word(key, value)
    sampler: Literal["random", "grid"] = "grid" if definition.sampler == "grid" else "random"
    policy = definition.pruner if isinstance(definition.pruner, Policy) else None
    search = Search(
        space=definition.space,
        sampler=sampler,
        policy=policy,
        metric=definition.metric,
        maximize=definition.maximize,
        trials=definition.trials,
        parallel=parallel,
        seed=definition.base["seed"],
    )
    spec = spec_with({**definition.base, "experiment": definition.name}, {})
    return make_plan(spec, catalog, home, search)


def _check_word(key: str, value: Value) -> None:
    """A value travels as a word, which is read as those of --set are."""
    _, read = parse_assignment(f"{key}={written(value)}")
    if read != value or isinstance(read, str) is not isinstance(value, str):
        raise UsageError(
            f"--param {key}: the word {written(value)!r} would be read as {read!r} by a trial of a native sweep",
            hint="leave out --native, or name the choice otherwise",
        )


def _sweepers(catalog: Catalog) -> Iterator[str]:
    for name in dict.fromkeys(one.offer.name for one in catalog.offers("backend")):
        try:
            if issubclass(catalog.implementation("backend", name), Sweeper):
                yield name
        except PluginError:
            # One that cannot be imported can run none.
            continue
