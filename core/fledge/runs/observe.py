"""Finding out what state a run is in, from its journal and its backend together."""

from contextlib import suppress
from dataclasses import replace

from fledge.interfaces.backend import ComputeBackend, Status
from fledge.interfaces.state import RunState
from fledge.runs.history import History
from fledge.runs.journal import FILE, now
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import RunDirectory
from fledge.runs.state_machine import Actor, advance


def observe(run: RunDirectory, backend: ComputeBackend) -> RunRecord:
    """The run's record, brought up to date, and saved where it can be.

    What the worker last said holds once the backend calls the run ended; a run that ended without
    a last word is what its backend says.
    """
    with run.lock() as locked:
        before = run.record()
        if before.state.is_final:
            return before
        record = _judged(before, run, backend)
        if locked and record != before:
            # On a full disk too it can be said what a run came to; whoever looks next will write it down.
            with suppress(OSError):
                run.save(record)
        return record


def _judged(record: RunRecord, run: RunDirectory, backend: ComputeBackend) -> RunRecord:
    if record.pending:
        ref = backend.find(record.key, record.ref)
        if ref is None:
            told = "its submission was cut off before its backend had it"
            return replace(record, state=RunState.LOST, error=told, ended=now(), pending=False)
        record = replace(record, ref=ref, pending=False)
    assert record.ref is not None
    status = backend.status(record.ref)
    # Read after asking: what the worker wrote before it ended is then seen.
    backend.fetch(record.ref, FILE, run.path)
    history = History.read(run.path)
    if history.begins <= record.begins:
        # The journal that came from elsewhere does not know yet that the run was resumed.
        history.wait()
    record = replace(record, started=history.started)
    if not status.state.is_final:
        return replace(record, state=_still(history, status))
    error: str | None
    if history.state.is_final:
        # A run that would have been taken up again may have been canceled while it waited for that.
        waited = history.transient or history.state is RunState.PREEMPTED
        state = advance(history.state, status.state, Actor.BACKEND) if waited else history.state
        error = history.error if state is history.state else status.reason
    else:
        state = advance(history.state, status.state, Actor.BACKEND)
        error = status.reason if state is not RunState.COMPLETED else None
    return replace(
        record,
        state=state,
        error=error,
        transient=history.transient and state is RunState.FAILED,
        ended=status.ended or history.last_heard or now(),
        best_val_accuracy=history.metrics.get("best_val_accuracy"),
    )


def _still(history: History, status: Status) -> RunState:
    """The state of a run that has not ended, whatever its worker may have called its last word."""
    if status.state is RunState.QUEUED:
        return RunState.QUEUED
    if history.state.is_final:
        return RunState.FINALIZING
    return history.state if history.spoken else RunState.PREPARING
