"""Staying with a run until it ends: its log as it is written, then what came of it."""

import os
import sys

from fledge.cli.context import Context
from fledge.cli.printing import print_json
from fledge.errors import FledgeError
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.state import RunState
from fledge.interrupts import interrupts_held
from fledge.plan.plan import Plan
from fledge.registration import register_run, registry_of
from fledge.runs.observe import observe
from fledge.runs.run_directory import RunDirectory
from fledge.runs.summary import outcome
from fledge.submission import backend_for


def follow(run: RunDirectory, here: Context, plan: Plan, *, as_json: bool) -> int:
    """The run's fate as an exit status. An interrupt cancels the run."""
    backend = backend_for(run, here.catalog, here.home)
    try:
        _stream(run, backend)
    except KeyboardInterrupt:
        return _cancel(run, backend, as_json=as_json)
    record = observe(run, backend)
    done = record.state is RunState.COMPLETED
    model: dict[str, str] = {}
    trouble = None
    if done and plan.spec.register_as:
        registry = registry_of(plan.spec.registry.name, here.catalog, here.home, plan.spec.registry.options)
        try:
            version = register_run(run, plan.spec.register_as, backend, registry, {})
            model = {"model": f"{version.name}/{version.version}"}
        except (FledgeError, OSError) as error:
            # The run is done whatever becomes of this: first its outcome is told.
            trouble = error
    if as_json:
        print_json(outcome(run) | model)
    if not done:
        # Its first line alone: the log above has said the rest.
        reason = (record.error or "no reason known").splitlines()[0]
        _say(f"run {run.id} {record.state}: {reason}")
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
    reference = run.record().ref
    assert reference is not None
    # Once begun it is finished: a second Ctrl-C must not leave half of the run's processes behind.
    with interrupts_held():
        backend.cancel(reference)
        state = observe(run, backend).state
    if as_json:
        print_json(outcome(run))
    _say(f"run {run.id} {state}")
    return 130


def _stream(run: RunDirectory, backend: ComputeBackend) -> None:
    reference = run.record().ref
    assert reference is not None
    listening = True
    for chunk in backend.logs(reference, follow=True):
        if not listening:
            continue
        try:
            sys.stderr.buffer.write(chunk.data)
            sys.stderr.flush()
        except BrokenPipeError:
            # Whoever read the log has gone; the run's fate is still this command's exit status.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
            listening = False


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
