"""Staying with a run until it ends: its log as it is written, then what came of it."""

import os
import sys

from fledge.cli.context import Context
from fledge.cli.printing import print_json
from fledge.errors import FledgeError
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.state import RunState
from fledge.interrupts import interrupts_held
from fledge.registration import register_run, registry_of
from fledge.resumption import give_up, look
from fledge.runs.observe import observe
from fledge.runs.run_directory import RunDirectory
from fledge.runs.state_machine import RESUMABLE
from fledge.runs.summary import outcome
from fledge.spec.load import parse
from fledge.submission import backend_for


def follow(run: RunDirectory, here: Context, *, as_json: bool, cursor: int = 0) -> int:
    """The run's fate as an exit status; its log is shown from `cursor` on. An interrupt cancels the run."""
    backend = backend_for(run, here.catalog, here.home)
    spec = parse(run.plan()["spec"], where=str(run.path / "plan.json"))
    while True:
        try:
            cursor = _stream(run, backend, cursor)
            ended = observe(run, backend)
            record = look(run, backend)
        except KeyboardInterrupt:
            return _cancel(run, backend, as_json=as_json)
        if record.state.is_final:
            break
        _say(f"run {run.id} was {ended.state} and is resumed")
    done = record.state is RunState.COMPLETED
    model: dict[str, str] = {}
    trouble = None
    if done and spec.register_as:
        registry = registry_of(spec.registry.name, here.catalog, here.home, spec.registry.options)
        try:
            version = register_run(run, spec.register_as, backend, registry, {}, lambda line: _say(f"warning: {line}"))
            model = {"model": f"{version.name}/{version.version}"}
        except (FledgeError, OSError) as error:
            # The run is done whatever becomes of this: first its outcome is told.
            trouble = error
    if as_json:
        print_json(outcome(run, record) | model)
    if not done:
        # Its first line alone: the log above has said the rest.
        reason = (record.error or "no reason known").splitlines()[0]
        _say(f"run {run.id} {record.state}: {reason}")
        if record.state in RESUMABLE:
            _say(f"to go on from where it was: fledge runs resume {run.id}")
        return 1
    _say(f"run {run.id} {record.state}; its files: {run.path}")
    if trouble:
        _say(f"its model could not be registered; to try again: fledge models register {run.id} --name NAME")
        raise trouble
    if model:
        _say(f"registered as {model['model']}")
    return 0


def _cancel(run: RunDirectory, backend: ComputeBackend, *, as_json: bool) -> int:
    _say(f"canceling run {run.id}")
    # Once begun it is finished: a second Ctrl-C must not leave half of the run's processes behind.
    with interrupts_held():
        reference = observe(run, backend).ref
        if reference is not None:
            backend.cancel(reference)
        observe(run, backend)
        record = give_up(run)
    if as_json:
        print_json(outcome(run, record))
    _say(f"run {run.id} {record.state}; to go on from where it was: fledge runs resume {run.id}")
    return 130


def log_end(run: RunDirectory, backend: ComputeBackend) -> int:
    """The cursor behind all that the run has printed so far."""
    reference, cursor = run.record().ref, 0
    for chunk in backend.logs(reference) if reference else ():
        cursor = chunk.cursor
    return cursor


def _stream(run: RunDirectory, backend: ComputeBackend, cursor: int) -> int:
    """Show the log until the run has ended; returns where the log ended."""
    reference = run.record().ref
    assert reference is not None
    listening = True
    for chunk in backend.logs(reference, cursor, follow=True):
        cursor = chunk.cursor
        if not listening:
            continue
        try:
            sys.stderr.buffer.write(chunk.data)
            sys.stderr.flush()
        except BrokenPipeError:
            # Whoever read the log has gone; the run's fate is still this command's exit status.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
            listening = False
    return cursor


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
