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
    from fledge.sweeping.begin import Wanted
    from fledge.sweeping.definition import Definition

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
    parallel: Annotated[int | None, typer.Option(min=1, help="How many of them at once; by default one.")] = None,
    native: Annotated[
        bool, typer.Option("--native", help="Have the service behind the backend run it, which draws and stops trials.")
    ] = False,
    sampler: Annotated[
        Sampler | None, typer.Option(help="How values are chosen; by default by TPE, natively at random.")
    ] = None,
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
    cancel: Annotated[
        str | None, typer.Option(metavar="NAME", help="Have the service stop a native sweep, with all its trials.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what a native sweep would send; ask nobody, start nothing.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Run a spec many times, each with other values of a few of its keys, in search of the best."""
    from fledge.errors import UsageError
    from fledge.sweeping.begin import Wanted

    words = {
        "SPEC": spec, "--param": param, "--set": set_, "--sampler": sampler, "--pruner": pruner, "--slack": slack,
        "--interval": interval, "--delay": delay, "--maximize": maximize, "--minimize": minimize, "--name": name,
        "--native": native or None, "--dry-run": dry_run or None,
    }  # fmt: skip
    if show is not None:
        _only("--show", words | {"--trials": trials, "--resume": resume, "--cancel": cancel})
        return _show(show, as_json=as_json)
    if cancel is not None:
        _only("--cancel", words | {"--trials": trials, "--resume": resume})
        return _cancel(cancel, as_json=as_json)
    if resume is not None:
        _only("--resume", words)
        return _resume(resume, trials, parallel, as_json=as_json)
    if spec is None:
        raise UsageError(
            "a sweep needs a spec file",
            hint="for example: fledge sweep birds.toml --param training.lr=log:5e-4..5e-3",
        )
    if "" in (maximize, minimize):
        raise UsageError("--maximize and --minimize take a metric's name", hint="for example: --minimize val_loss")
    if maximize and minimize:
        raise UsageError("--maximize and --minimize are both there, and a sweep has one aim")
    wanted = Wanted(
        spec=spec,
        params=tuple(param or ()),
        settings=tuple(set_ or ()),
        trials=trials,
        otherwise=_TRIALS,
        sampler=str(sampler) if sampler else None,
        pruner=str(pruner) if pruner else None,
        slack=slack,
        interval=interval,
        delay=delay,
        metric=minimize or maximize or "best_val_accuracy",
        maximize=not minimize,
        name=name,
        native=native,
        parallel=parallel or 1,
    )
    return _begin(wanted, dry_run=dry_run, as_json=as_json)


def _begin(wanted: "Wanted", *, dry_run: bool, as_json: bool) -> int:
    from fledge.cli import native_sweep
    from fledge.cli.context import context
    from fledge.cli.trials import say
    from fledge.errors import UsageError
    from fledge.sweeping.begin import define

    if dry_run and not wanted.native:
        raise UsageError(
            "--dry-run shows what is sent of a native sweep, and this one sends run after run",
            hint="--native; or, what the first of them would be: fledge run SPEC --dry-run",
        )
    here = context()
    made = define(wanted, here.catalog, here.home, say)
    if dry_run:
        return native_sweep.show(made, here, wanted.parallel, as_json=as_json)
    return _drive(made, here, wanted.parallel, as_json=as_json)


def _resume(name: str, trials: int | None, parallel: int | None, *, as_json: bool) -> int:
    from fledge.cli.context import context
    from fledge.errors import UsageError
    from fledge.sweeping.definition import Definition

    here = context()
    there = Definition.read(here.home, name)
    if there.native and parallel is not None:
        raise UsageError(f"how many trials of sweep {name} run at once was said when it was sent: no --parallel")
    return _drive(there.grown_to(trials), here, parallel or 1, as_json=as_json)


def _drive(definition: "Definition", here: "Context", parallel: int, *, as_json: bool) -> int:
    from fledge.cli import native_sweep
    from fledge.cli.trials import attend

    with _optuna():
        from fledge.sweeping.sweep import drive

    if definition.native:
        return native_sweep.follow(definition, here, parallel, as_json=as_json)
    farewell = f"interrupted; to go on from where it was: fledge sweep --resume {definition.name}"
    return attend(definition, drive, here, parallel, lambda: [farewell], as_json=as_json)


def _cancel(name: str, *, as_json: bool) -> int:
    from fledge.cli import native_sweep
    from fledge.cli.context import context
    from fledge.sweeping.definition import Definition

    here = context()
    with _optuna():
        return native_sweep.cancel(Definition.read(here.home, name), here, as_json=as_json)


def _show(name: str, *, as_json: bool) -> int:
    from fledge.cli.printing import print_json
    from fledge.cli.trials import close
    from fledge.runs.places import home
    from fledge.sweeping.definition import Definition

    definition = Definition.read(home(), name)
    with _optuna():
        from fledge.sweeping.rows import open_study

    found = open_study(definition).trials()
    if as_json:
        for trial in found:
            if not trial.runs:
                print_json(trial.row())
    close(definition, found, as_json=as_json)
    return 0


@contextmanager
def _optuna() -> Iterator[None]:
    """Within, it is imported."""
    from fledge.errors import UsageError, install

    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(f"a sweep needs {error.name}", hint=install("sweep")) from None


def _only(option: str, words: Mapping[str, object]) -> None:
    """Refuse what would be another sweep than the one that is meant."""
    from fledge.errors import UsageError

    more = [word for word, value in words.items() if value is not None]
    if more:
        raise UsageError(f"{option} takes a sweep as it was begun: leave out {', '.join(more)}")
