"""How the trials of a sweep look: a line for each that has ended, and a table of all."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from fledge.cli.context import Context
from fledge.cli.meter import Meter
from fledge.cli.printing import print_table, tell_json
from fledge.discovery.catalog import Catalog
from fledge.interfaces.progress import Progress
from fledge.sweeping.definition import Definition
from fledge.sweeping.trial import Trial, best_of, shown

# Has the trials of a sweep run, as many at once, until all have ended; it says what happens, and which have ended.
Drive = Callable[
    [Definition, Catalog, Path, int, Callable[[str], None], Callable[[Trial], None], Progress], list[Trial]
]


def attend(
    definition: Definition,
    drive: Drive,
    here: Context,
    parallel: int,
    farewell: Callable[[], Sequence[str]],
    *,
    as_json: bool,
) -> int:
    """Tell of a sweep from its beginning to its end; returns the exit status. farewell: lines for after Ctrl-C."""
    ended: list[Trial] = []
    meter = Meter()

    def spoken(line: str) -> None:
        meter.wipe()
        say(line)

    def told(trial: Trial) -> None:
        meter.wipe()
        tell(definition, trial, ended, as_json=as_json)
        ended.append(trial)

    by = ", run by the service" if definition.native else ""
    say(f"sweep {definition.name}: {definition.trials} trials, {definition.sampler}, to {definition.aim}{by}")
    try:
        with meter:
            found = drive(definition, here.catalog, here.home, parallel, spoken, told, meter.progress)
    except KeyboardInterrupt:
        close(definition, ended, as_json=as_json)
        for line in farewell():
            say(line)
        return 130
    return close(definition, found, as_json=as_json)


def tell(definition: Definition, trial: Trial, before: list[Trial], *, as_json: bool) -> None:
    """A trial has ended, after those."""
    if as_json:
        tell_json(trial.row())
    best = best_of([*before, trial], maximize=definition.maximize)
    came = f"{definition.metric}={shown(trial.value)}" if trial.value is not None else ""
    why = trial.reason or ""
    so_far = f"best: {shown(best.value)}, trial {best.number}" if best else ""
    say(f"trial {trial.number} {trial.state}: {'; '.join(filter(None, (trial.words, came, why, so_far)))}")


def close(definition: Definition, trials: list[Trial], *, as_json: bool) -> int:
    """What the sweep came to; as an exit status: whether it found anything."""
    best = best_of(trials, maximize=definition.maximize)
    if as_json:
        ended = sum(not trial.runs for trial in trials)
        tell_json({"sweep": definition.name, "trials": ended, "best": best.row() if best else None})
    else:
        keys = list(definition.space)
        rows = [
            [one.number, one.state, *(shown(one.params.get(key)) for key in keys), shown(one.value), one.run]
            for one in sorted(trials, key=lambda one: one.number)
        ]
        print_table(["trial", "state", *keys, definition.metric, "run"], rows)
    if best:
        say(f"best is trial {best.number}, run {best.run}: {definition.metric}={shown(best.value)} with {best.words}")
        if "script" not in definition.base:
            say(f"to keep its model: fledge models register {best.run} --name NAME")
        return 0
    errors = [trial.error for trial in trials if trial.error]
    if errors:
        say(f"error: no trial came to its end; the first that failed: {errors[0]}")
    return int(bool(errors))


def say(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except BrokenPipeError:
        # Whoever read along has gone; the sweep goes on.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
