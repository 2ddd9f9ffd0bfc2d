"""From words on the command line to a sweep's definition, with nothing started yet."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fledge.discovery.catalog import Catalog
from fledge.errors import UsageError
from fledge.interfaces.search import Choices
from fledge.plan.make import make_plan
from fledge.spec.load import load, parse_assignment
from fledge.spec.names import NAME_PATTERN
from fledge.spec.varied import spec_with
from fledge.sweeping.bandit import Bandit
from fledge.sweeping.definition import Definition, sweeps
from fledge.sweeping.domain import parse_parameter
from fledge.sweeping.grid import grid_size
from fledge.sweeping.native_plan import native_sampler, natively, plan_natively
from fledge.sweeping.space import make_space, settled

# What is left of an experiment's name where a time follows it.
_ROOM = 100
# Points of a grid that are tried where nobody has said how many.
_MOST = 10_000


@dataclass(frozen=True)
class Wanted:
    """The words; trials is None where nobody said how many, and `otherwise` are then made of anything but a grid."""

    spec: Path
    params: tuple[str, ...]
    settings: tuple[str, ...]
    trials: int | None
    otherwise: int
    sampler: str | None
    pruner: str | None
    slack: float | None
    interval: int | None
    delay: int | None
    metric: str
    maximize: bool
    name: str | None
    native: bool = False
    parallel: int = 1


def define(wanted: Wanted, catalog: Catalog, home: Path, say: Callable[[str], None]) -> Definition:
    """Raises UsageError for whatever could not work, or is not in the spec."""
    pruner = _pruner(wanted)
    spec = load(wanted.spec, [parse_assignment(text) for text in wanted.settings])
    sampler = wanted.sampler or "tpe"
    if wanted.native:
        sampler = native_sampler(wanted.sampler, wanted.pruner)
        spec = natively(spec, catalog)
    if spec.register_as:
        raise UsageError(
            f"register = {spec.register_as!r} would have every trial's model registered",
            hint="leave it out; how to register the best one is said at the end",
        )
    for note in spec.notes:
        say(f"note: {note}")
    base = settled(spec, catalog)
    space = make_space(base, map(parse_parameter, wanted.params), catalog)
    trials = wanted.trials or wanted.otherwise
    if sampler == "grid":
        size = grid_size(space)
        if wanted.trials is None and size > _MOST:
            raise UsageError(f"the grid has {size:,} points", hint=f"--trials {_MOST} for the first of them, say")
        trials = min(wanted.trials or size, size)
    elif not wanted.native and all(isinstance(domain, Choices) for domain in space.values()):
        # More would only train the same once more.
        trials = min(trials, grid_size(space))
    # What the backend would say of the first trial is better heard now.
    make_plan(spec_with(base, {key: domain.ends()[0] for key, domain in space.items()}), catalog, home)
    name = _name(wanted.name, spec.experiment)
    made = Definition(
        name=name,
        base=base,
        space=space,
        sampler=sampler,
        pruner=pruner,
        metric=wanted.metric,
        maximize=wanted.maximize,
        trials=trials,
        folder=sweeps(home) / name,
        native=wanted.native,
    )
    if made.native:
        plan_natively(made, wanted.parallel, catalog, home)
    return made


def _pruner(wanted: Wanted) -> str | Bandit | None:
    options = {"--slack": wanted.slack, "--interval": wanted.interval, "--delay": wanted.delay}
    if wanted.pruner != "bandit":
        for option, value in options.items():
            if value is not None:
                raise UsageError(f"{option} belongs to --pruner bandit")
        return wanted.pruner
    if wanted.slack is None:
        raise UsageError(
            "--pruner bandit needs --slack, the share by which a trial may lag behind the best",
            hint="for example: --pruner bandit --slack 0.15 --delay 10",
        )
    return Bandit(wanted.slack, wanted.interval or 1, wanted.delay or 0)


def _name(told: str | None, experiment: str) -> str:
    if told is None:
        return f"{experiment[:_ROOM]}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    if not re.fullmatch(NAME_PATTERN, told):
        raise UsageError(
            f"{told!r} cannot be a sweep's name, which is its trials' experiment and a folder's name",
            hint="letters, digits, '_', '.' and '-', the first a letter or digit: --name birds-lr",
        )
    return told
