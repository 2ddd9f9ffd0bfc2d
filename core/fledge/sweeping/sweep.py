"""Sweep: drives the trials of one sweep to their ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from fledge.discovery.catalog import Catalog
from fledge.errors import RunError, UnknownName
from fledge.interrupts import interrupts_held
from fledge.runs.run_directory import RunDirectory
from fledge.sweeping.attendant import Attendant
from fledge.sweeping.definition import Definition
from fledge.sweeping.proposals import distributions, propose
from fledge.sweeping.rows import open_study
from fledge.sweeping.study import Study
from fledge.sweeping.trial import Trial
from fledge.warmth import warm_workers

_POLL_SECONDS = 0.3

Say = Callable[[str], None]


def drive(
    definition: Definition, catalog: Catalog, home: Path, parallel: int, say: Say, ended: Callable[[Trial], None]
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
    with _alone(definition):
        _keep(definition, home)
        study = open_study(definition)
        attendant = Attendant(definition, study, catalog, home, say, ended)
        for trial in study.trials():
            if not trial.runs:
                ended(trial)
        # A script's run needs nothing of what takes long to import.
        warm = nullcontext() if "script" in definition.base else warm_workers()
        with warm, interrupts_held() as interrupted:
            try:
                while _step(definition, study, attendant, home, parallel, interrupted):
                    time.sleep(_POLL_SECONDS)
                if interrupted and _left(definition, study):
                    raise KeyboardInterrupt
            except BaseException:
                attendant.stop_all()
                raise
        return study.trials()


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


@contextmanager
def _alone(definition: Definition) -> Iterator[None]:
    name, folder = definition.name, definition.folder
    try:
        # For its owner alone, as a run's folder is.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(
            f"sweep {name} is driven by another fledge command", hint=f"to look at it: fledge sweep --show {name}"
        ) from None
    except OSError as error:
        raise RunError(
            f"sweeps cannot be kept in {folder.parent}: {error.strerror}",
            hint="name a folder you may write to: FLEDGE_HOME=DIR",
        ) from None
    try:
        yield
    finally:
        lock.release()


def _keep(definition: Definition, home: Path) -> None:
    with suppress(UnknownName):
        definition.check_same(Definition.read(home, definition.name))
    definition.write()
