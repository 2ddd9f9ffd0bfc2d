"""Sweep: drives the trials of one sweep to their ends."""

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from fledge.discovery.catalog import Catalog
from fledge.errors import UsageError
from fledge.interfaces.progress import Progress, no_progress
from fledge.interrupts import interrupts_held
from fledge.plan.make import make_plan
from fledge.runs.run_directory import RunDirectory
from fledge.spec.varied import spec_with
from fledge.submission import backend_of
from fledge.sweeping.alone import alone, keep
from fledge.sweeping.attendant import Attendant
from fledge.sweeping.definition import Definition
from fledge.sweeping.outcome import NoMetric
from fledge.sweeping.proposals import distributions, propose
from fledge.sweeping.rows import open_study
from fledge.sweeping.study import Study
from fledge.sweeping.trial import Trial
from fledge.warmth import warm_workers

_POLL_SECONDS = 0.3

Say = Callable[[str], None]


def drive(
    definition: Definition,
    catalog: Catalog,
    home: Path,
    parallel: int,
    say: Say,
    ended: Callable[[Trial], None],
    progress: Progress = no_progress,
) -> list[Trial]:
    """Begin a sweep or go on with it until every trial has ended; returns them. At most `parallel` run at once.

    A trial is in the study with its run's id before that run is submitted, and from then on the run's own record
    tells how far it came. So this process may be killed anywhere: whoever goes on finds the run of each trial, and
    begins none a second time.

    say: a line about what happens. ended: each trial that has ended, those from before included.

    Raises UsageError where the sweep of that name is another one, RunError where somebody else drives it, and
    KeyboardInterrupt after Ctrl-C: trials that run are canceled then, as before any other error leaves here, and are
    gone on with when the sweep is.
    """
    with alone(definition):
        keep(definition, home)
        study = open_study(definition)
        attendant = Attendant(definition, study, catalog, home, say, ended)
        for trial in study.trials():
            if not trial.runs:
                ended(trial)
        if _left(definition, study):
            _stage(definition, catalog, home, progress)
        # A script's run needs nothing of what takes long to import.
        warm = nullcontext() if "script" in definition.base else warm_workers()
        with warm, interrupts_held() as interrupted:
            try:
                while _step(definition, study, attendant, home, parallel, interrupted):
                    time.sleep(_POLL_SECONDS)
                if interrupted and _left(definition, study):
                    raise KeyboardInterrupt
            except NoMetric as error:
                # Nobody who went on with it would get further.
                attendant.stop_all(error.message)
                raise
            except BaseException:
                attendant.stop_all()
                raise
        return study.trials()


def _stage(definition: Definition, catalog: Catalog, home: Path, progress: Progress) -> None:
    """What all trials read is brought to where they run before the first: by then Ctrl-C has to wait for a trial that
    is being submitted."""
    told = definition.base["backend"]
    backend = backend_of(told["name"], {key: value for key, value in told.items() if key != "name"}, catalog, home)
    if not backend.shares_files:
        with suppress(UsageError):
            # Without the values of a trial it may be no run; then each brings what it reads.
            spec = spec_with({**definition.base, "experiment": definition.name}, {})
            backend.stage(make_plan(spec, catalog, home).request, progress)


def _step(
    definition: Definition, study: Study, attendant: Attendant, home: Path, parallel: int, interrupted: list[int]
) -> bool:
    """Look at every trial once, and begin what there is room for; False where there is nothing more to do."""
    for trial in study.trials():
        if trial.runs and not interrupted:
            attendant.attend(trial)
    trials = study.trials()
    working = sum(trial.runs for trial in trials)
    for number in range(len(trials), definition.trials):
        if working >= parallel or interrupted:
            break
        _begin(definition, study, home, number)
        attendant.attend(study.trials()[number])
        working += 1
    return not interrupted and _left(definition, study)


def _begin(definition: Definition, study: Study, home: Path, number: int) -> None:
    space, seed = definition.space, definition.base["seed"]
    params = propose(space, definition.sampler, seed, number, study.frozen(), maximize=definition.maximize)
    study.add(params, distributions(space), RunDirectory.create(home).id)


def _left(definition: Definition, study: Study) -> bool:
    trials = study.trials()
    return len(trials) < definition.trials or any(trial.runs for trial in trials)
