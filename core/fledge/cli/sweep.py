"""`fledge sweep`: many runs of one spec, in search of the best values of a few of its keys."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fledge.cli.words import AsJson

if TYPE_CHECKING:
    from fledge.cli.context import Context
    from fledge.sweeping.definition import Definition
    from fledge.sweeping.trial import Trial

_TRIALS = 8


class Sampler(StrEnum):
    tpe = "tpe"
    random = "random"
    grid = "grid"


class Pruner(StrEnum):
    asha = "asha"
    bandit = "bandit"


def sweep(
    spec: Annotated[Path | None, typer.Argument(help="A spec file (TOML).")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUES", help="What to vary: LOW..HIGH, log:LOW..HIGH or A,B,C; may be repeated."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the spec, for all trials.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help=f"How many runs; by default {_TRIALS}, or all points of a grid.")
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, help="How many of them at once.")] = 1,
    sampler: Annotated[Sampler | None, typer.Option(help="How values are chosen; by default by TPE.")] = None,
    pruner: Annotated[Pruner | None, typer.Option(help="Who stops trials that lag behind; by default nobody.")] = None,
    slack: Annotated[
        float | None, typer.Option(min=0, help="Of the bandit: the share by which a trial may lag behind the best.")
    ] = None,
    interval: Annotated[
        int | None, typer.Option(min=1, help="Of the bandit: epochs from one look to the next.")
    ] = None,
    delay: Annotated[int | None, typer.Option(min=0, help="Of the bandit: epochs before its first look.")] = None,
    maximize: Annotated[str | None, typer.Option(metavar="METRIC", help="By default best_val_accuracy.")] = None,
    minimize: Annotated[str | None, typer.Option(metavar="METRIC", help="Instead: a loss, say.")] = None,
    name: Annotated[str | None, typer.Option(help="Of the sweep; by default its experiment and the time.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="NAME", help="Go on with a sweep, to --trials if given.")
    ] = None,
    show: Annotated[str | None, typer.Option(metavar="NAME", help="Print the trials of a sweep; start none.")] = None,
    as_json: AsJson = False,
) -> int:
    """Run a spec many times, each with other values of a few of its keys, in search of the best."""
    from fledge.cli.context import context
    from fledge.cli.trials import say
    from fledge.errors import UsageError
    from fledge.runs.places import home
    from fledge.sweeping.begin import Wanted, define
    from fledge.sweeping.definition import Definition

    words = {
        "SPEC": spec, "--param": param, "--set": set_, "--sampler": sampler, "--pruner": pruner, "--slack": slack,
        "--interval": interval, "--delay": delay, "--maximize": maximize, "--minimize": minimize, "--name": name,
    }  # fmt: skip
    if show is not None:
        _only("--show", words | {"--trials": trials, "--resume": resume})
        _show(Definition.read(home(), show), as_json=as_json)
        return 0
    here = context()
    if resume is not None:
        _only("--resume", words)
        return _drive(Definition.read(here.home, resume).grown_to(trials), here, parallel, as_json=as_json)
    if spec is None:
        raise UsageError(
            "a sweep needs a spec file",
            hint="for example: fledge sweep birds.toml --param training.lr=log:5e-4..5e-3",
        )
    if maximize and minimize:
        raise UsageError("--maximize and --minimize are both there, and a sweep has one aim")
    wanted = Wanted(
        spec=spec,
        params=tuple(param or ()),
        settings=tuple(set_ or ()),
        trials=trials,
        otherwise=_TRIALS,
        sampler=str(sampler or Sampler.tpe),
        pruner=str(pruner) if pruner else None,
        slack=slack,
        interval=interval,
        delay=delay,
        metric=minimize or maximize or "best_val_accuracy",
        maximize=not minimize,
        name=name,
    )
    return _drive(define(wanted, here.catalog, here.home, say), here, parallel, as_json=as_json)


def _drive(definition: "Definition", here: "Context", parallel: int, *, as_json: bool) -> int:
    from fledge.cli.trials import close, say, tell

    with _optuna():
        from fledge.sweeping.sweep import drive

    ended: list[Trial] = []

    def told(trial: "Trial") -> None:
        tell(definition, trial, ended, as_json=as_json)
        ended.append(trial)

    say(f"sweep {definition.name}: {definition.trials} trials, {definition.sampler}, to {definition.aim}")
    try:
        found = drive(definition, here.catalog, here.home, parallel, say, told)
    except KeyboardInterrupt:
        close(definition, ended, as_json=as_json)
        say(f"interrupted; to go on from where it was: fledge sweep --resume {definition.name}")
        return 130
    return close(definition, found, as_json=as_json)


def _show(definition: "Definition", *, as_json: bool) -> None:
    from fledge.cli.printing import print_json
    from fledge.cli.trials import close

    with _optuna():
        from fledge.sweeping.rows import open_study

    found = open_study(definition).trials()
    if as_json:
        for trial in found:
            if not trial.runs:
                print_json(trial.row())
    close(definition, found, as_json=as_json)


@contextmanager
def _optuna() -> Iterator[None]:
    """Within, it is imported."""
    from fledge.errors import UsageError

    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(f"a sweep needs {error.name}", hint="pip install 'fledge[sweep]'") from None


def _only(option: str, words: Mapping[str, object]) -> None:
    """Refuse what would be another sweep than the one that is meant."""
    from fledge.errors import UsageError

    more = [word for word, value in words.items() if value is not None]
    if more:
        raise UsageError(f"{option} takes a sweep as it was begun: leave out {', '.join(more)}")
