"""Staying with a run until it ends: its log as it is written, then what came of it."""

import sys

from fledge.cli.context import Context
from fledge.cli.printing import print_json
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.state import RunState
from fledge.registration import register_run, registry_of
from fledge.runs.observe import observe
from fledge.runs.run_directory import RunDirectory
from fledge.runs.summary import outcome
from fledge.submission import backend_for


def follow(run: RunDirectory, here: Context, *, register_as: str | None, as_json: bool) -> int:
    """The run's fate as an exit status. An interrupt cancels the run."""
    backend = backend_for(run, here.catalog, here.home)
    try:
        _stream(run, backend)
    except KeyboardInterrupt:
        print(f"canceling run {run.id}; once more leaves it running", file=sys.stderr)
        reference = run.record().ref
        assert reference is not None
        backend.cancel(reference)
        observe(run, backend)
        if as_json:
            print_json(outcome(run))
        print(f"run {run.id} {run.record().state}", file=sys.stderr)
        return 130
    record = observe(run, backend)
    done = record.state is RunState.COMPLETED
    registered = None
    if done and register_as:
        registered = register_run(run, register_as, backend, registry_of("local", here.catalog, here.home), {})
    told = outcome(run)
    if as_json:
        print_json(told | ({"model": f"{registered.name}/{registered.version}"} if registered else {}))
    if not done:
        # Its first line alone: the log above has said the rest.
        reason = (record.error or "no reason known").splitlines()[0]
        print(f"run {run.id} {record.state}: {reason}", file=sys.stderr)
        return 1
    print(f"run {run.id} {record.state}; its files: {run.path}", file=sys.stderr)
    if registered:
        print(f"registered as {registered.name} version {registered.version}", file=sys.stderr)
    return 0


def _stream(run: RunDirectory, backend: ComputeBackend) -> None:
    reference = run.record().ref
    assert reference is not None
    for chunk in backend.logs(reference, follow=True):
        sys.stderr.buffer.write(chunk.data)
        sys.stderr.flush()
