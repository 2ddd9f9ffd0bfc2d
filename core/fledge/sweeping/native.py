"""Native sweeps: a service draws the values and runs the trials, and this machine follows."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fledge.discovery.catalog import Catalog
from fledge.errors import FledgeError, RunError, UnknownName, UsageError
from fledge.interfaces.backend import ComputeBackend, Request, RunRef, Status
from fledge.interfaces.progress import Progress, no_progress
from fledge.interfaces.sweeper import Sweeper
from fledge.interrupts import interrupts_held
from fledge.resumption import job_of
from fledge.runs.run_directory import DIFF, RunDirectory
from fledge.runs.source import keep as keep_source
from fledge.submission import backend_of
from fledge.sweeping.alone import alone
from fledge.sweeping.definition import Definition
from fledge.sweeping.follower import Follower
from fledge.sweeping.native_plan import plan_natively
from fledge.sweeping.rows import open_study
from fledge.sweeping.sent import Sent, note_canceled
from fledge.sweeping.trial import Trial

_POLL_SECONDS = 0.3

Say = Callable[[str], None]


def follow(
    definition: Definition,
    catalog: Catalog,
    home: Path,
    parallel: int,
    say: Say,
    ended: Callable[[Trial], None],
    progress: Progress = no_progress,
) -> list[Trial]:
    """Send a native sweep, or find the one that was sent, and follow it until it has ended; returns its trials.

    This process may be killed anywhere, and the machine switched off: the sweep goes on, and whoever follows next
    finds it, and each trial's run. say and ended are as `fledge.sweeping.sweep.drive` has them; `parallel` counts where
    the sweep is sent.

    Raises UsageError where the sweep of that name is another one, RunError where somebody else follows it or it came to
    nothing, and KeyboardInterrupt after Ctrl-C, which changes nothing about a sweep that was sent.
    """
    with alone(definition):
        sent = _kept(definition, catalog, home) or _planned(definition, catalog, home, parallel)
        backend, sweeper = _backend(sent, catalog, home)
        if sent.ref is None:
            _stage(sent, definition, backend, progress)
        with interrupts_held() as interrupted:
            if sent.ref is None:
                sent = replace(sent, ref=_send(sent, definition, sweeper))
                sent.write(definition.folder)
                say(f"sweep {definition.name} was sent; it goes on there by itself")
            study = open_study(definition)
            follower = Follower(definition, study, sent, backend, home, say, ended)
            for trial in study.trials():
                if not trial.runs:
                    ended(trial)
            while not (interrupted or follower.look()):
                time.sleep(max(_POLL_SECONDS, backend.poll_seconds))
            if not follower.over:
                raise KeyboardInterrupt
            return study.trials()


def cancel(definition: Definition, catalog: Catalog, home: Path) -> Status:
    """Have the service stop a native sweep and all of its trials; returns once they are, how it ended. Idempotent, and
    harmless on one that has ended.

    Raises UsageError for another sweep, and RunError for one that was never sent, or is being sent just now.
    """
    if not definition.native:
        raise UsageError(
            f"sweep {definition.name} is driven by a fledge command, and not by a service",
            hint="Ctrl-C where it runs stops all of it; one of its runs: fledge runs cancel RUN",
        )
    sent = Sent.read(definition.folder)
    backend, _ = _backend(sent, catalog, home)
    ref = sent.ref or backend.find(sent.key)
    if ref is None:
        # Whoever sends it just now holds it.
        with alone(definition):
            raise RunError(
                f"sweep {definition.name} was never sent: there is nothing to cancel",
                hint=f"to send it: fledge sweep --resume {definition.name}",
            )
    status = backend.status(ref)
    if status.state.is_final:
        return status
    note_canceled(definition.folder)
    return backend.cancel(ref)


def _kept(definition: Definition, catalog: Catalog, home: Path) -> Sent | None:
    """What the sweep of that name was or will be sent as; None where there is none, or another that was never sent."""
    try:
        there = Definition.read(home, definition.name)
    except UnknownName:
        return None
    sent = Sent.read(definition.folder)
    try:
        definition.check_same(there)
        there.grown_to(definition.trials)
    except UsageError:
        if sent.ref or _backend(sent, catalog, home)[0].find(sent.key):
            raise
        return None
    return sent


def _planned(definition: Definition, catalog: Catalog, home: Path, parallel: int) -> Sent:
    """What will be sent, on disk with its key before anybody is asked."""
    plan = plan_natively(definition, parallel, catalog, home)
    keep_source(plan.job.snapshot, definition.folder)
    if plan.lineage.diff:
        RunDirectory(definition.folder).write(DIFF, plan.lineage.diff)
    # Another sweep of that name, of a home that was removed since, may be there still.
    sent = Sent(f"sweep-{definition.name}-{secrets.token_hex(4)}", plan.to_dict())
    sent.write(definition.folder)
    # Last: by this file there is a sweep of that name.
    definition.write()
    return sent


def _stage(sent: Sent, definition: Definition, backend: ComputeBackend, progress: Progress) -> None:
    """Not of one that is there already: whoever sent it did not live to write that down."""
    with _sending(definition):
        if backend.find(sent.key) is None:
            backend.stage(_request(sent, definition), progress)


def _send(sent: Sent, definition: Definition, sweeper: Sweeper) -> RunRef:
    with _sending(definition):
        return sweeper.submit_sweep(_request(sent, definition), sent.key)


@contextmanager
def _sending(definition: Definition) -> Iterator[None]:
    """What goes wrong within is told with how to go on."""
    try:
        yield
    except FledgeError as error:
        told = f"fledge sweep --resume {definition.name}"
        hint = f"{error.hint}; then: {told}" if error.hint else f"to send it again: {told}"
        raise RunError(error.message, hint=hint, transient=error.transient) from None


def _request(sent: Sent, definition: Definition) -> Request:
    return Request(sent.plan["request"], job_of(RunDirectory(definition.folder), dict(sent.plan)))


def _backend(sent: Sent, catalog: Catalog, home: Path) -> tuple[ComputeBackend, Sweeper]:
    """The same, as both that it is."""
    told = sent.plan["spec"]["backend"]
    made = backend_of(told["name"], {key: value for key, value in told.items() if key != "name"}, catalog, home)
    if not isinstance(made, Sweeper):
        raise UsageError(f"backend {told['name']!r}, as it is installed now, runs no sweeps by itself")
    return made, made
