"""Staying with a run until it ends: its log as it is written, then what came of it."""

from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

from fledge.cli.context import Context
from fledge.cli.listener import Listener
from fledge.cli.printing import print_json
from fledge.cli.screen import Screen
from fledge.errors import FledgeError
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.state import RunState
from fledge.interrupts import interrupts_held
from fledge.registration import register_run, registry_of
from fledge.resumption import cancel, look
from fledge.runs.journal import FILE
from fledge.runs.observe import observe
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import RunDirectory
from fledge.runs.state_machine import RESUMABLE
from fledge.runs.summary import outcome
from fledge.spec.load import parse
from fledge.submission import backend_for

_POLL_SECONDS = 0.1


class Seen(NamedTuple):
    """Up to where a run's log and its journal, in bytes, need not be shown."""

    cursor: int = 0
    offset: int = 0


_NOTHING = Seen()


def follow(run: RunDirectory, here: Context, *, as_json: bool, quiet: bool = False, seen: Seen = _NOTHING) -> int:
    """The run's fate as an exit status. An interrupt cancels the run, and another one kills it."""
    backend = backend_for(run, here.catalog, here.home)
    screen = Screen(quiet=quiet, as_json=as_json)
    cursor = seen.cursor
    try:
        with Listener(run, backend, screen, seen.offset):
            while True:
                cursor = _stream(run, backend, screen, cursor)
                ended = observe(run, backend)
                record = look(run, backend)
                if record.state.is_final:
                    break
                screen.say(f"run {run.id} was {ended.state} and is resumed")
    except KeyboardInterrupt:
        return _cancel(run, backend, screen, as_json=as_json)
    screen.close()
    if record.state is RunState.COMPLETED:
        return _completed(run, record, backend, here, screen, as_json=as_json)
    if as_json:
        print_json(outcome(run, record))
    # Its first line alone: the log above has said the rest.
    reason = (record.error or "no reason known").splitlines()[0]
    screen.say(f"run {run.id} {record.state}: {reason}", wrong=True)
    if record.state in RESUMABLE:
        screen.say(f"to go on from where it was: fledge runs resume {run.id}")
    return 1


def _completed(
    run: RunDirectory, record: RunRecord, backend: ComputeBackend, here: Context, screen: Screen, *, as_json: bool
) -> int:
    spec = parse(run.plan()["spec"], where=str(run.path / "plan.json"))
    model: dict[str, str] = {}
    trouble = None
    if spec.register_as:
        registry = registry_of(spec.registry.name, here.catalog, here.home, spec.registry.options)
        try:
            version = register_run(
                run, spec.register_as, backend, registry, {}, lambda line: screen.say(f"warning: {line}", wrong=True)
            )
            model = {"model": f"{version.name}/{version.version}"}
        except (FledgeError, OSError) as error:
            # The run is done whatever becomes of this: first its outcome is told.
            trouble = error
    if as_json:
        print_json(outcome(run, record) | model)
    screen.say(f"run {run.id} COMPLETED; its files: {run.path}")
    if trouble:
        again = f"fledge models register {run.id} --name NAME"
        screen.say(f"its model could not be registered; to try again: {again}", wrong=True)
        raise trouble
    if model:
        screen.say(f"registered as {model['model']}")
    return 0


def _cancel(run: RunDirectory, backend: ComputeBackend, screen: Screen, *, as_json: bool) -> int:
    # Held back: whatever a person presses, no process of the run is left behind.
    with interrupts_held() as pressed:
        screen.close()
        screen.say(f"canceling run {run.id}; Ctrl-C once more kills it")
        with ThreadPoolExecutor(1) as thread:
            stopping = thread.submit(cancel, run, backend)
            while not pressed and not wait([stopping], _POLL_SECONDS).done:
                pass
            reference = run.record().ref
            if pressed and reference is not None:
                screen.say(f"killing run {run.id}")
                backend.cancel(reference, at_once=True)
            record = stopping.result()
    if as_json:
        print_json(outcome(run, record))
    screen.say(f"run {run.id} {record.state}; to go on from where it was: fledge runs resume {run.id}")
    return 130


def seen(run: RunDirectory, backend: ComputeBackend) -> Seen:
    """All that the run has told so far."""
    reference, cursor = run.record().ref, 0
    for chunk in backend.logs(reference) if reference else ():
        cursor = chunk.cursor
    journal = run.path / FILE
    return Seen(cursor, journal.stat().st_size if journal.exists() else 0)


def _stream(run: RunDirectory, backend: ComputeBackend, screen: Screen, cursor: int) -> int:
    """Show the log until the run has ended; returns where the log ended."""
    reference = run.record().ref
    assert reference is not None
    for chunk in backend.logs(reference, cursor, follow=True):
        cursor = chunk.cursor
        screen.log(chunk.data)
    return cursor
