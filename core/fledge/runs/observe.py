"""Finding out what state a run is in, from its journal and its backend together."""

from dataclasses import replace
from pathlib import Path

from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.state import RunState
from fledge.runs.journal import FILE, events, now
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import RunDirectory


def observe(run: RunDirectory, backend: ComputeBackend) -> RunRecord:
    """The run's record, brought up to date and saved.

    A final word in the journal is the truth. Without one, a run that its backend calls ended has
    ended without saying so: then the backend's word counts.
    """
    with run.lock():
        before = run.record()
        if before.state.is_final or before.ref is None:
            return before
        status = backend.status(before.ref)
        # Read after asking: what the worker wrote before it ended is then seen.
        backend.fetch(before.ref, FILE, run.path)
        told = _last_word(run.path)
        if told.final:
            record = replace(before, state=told.state, error=told.error, started=told.started, ended=told.time)
        elif status.state.is_final:
            error = told.error or (status.reason if status.state is not RunState.COMPLETED else None)
            record = replace(before, state=status.state, error=error, started=told.started, ended=status.ended or now())
        else:
            state = told.state if told.time else status.state
            record = replace(before, state=state, started=told.started)
        if record != before:
            run.save(record)
        return record


class _LastWord:
    """What a journal's state events come to."""

    def __init__(self) -> None:
        self.state = RunState.QUEUED
        self.time: str | None = None
        self.error: str | None = None
        self.started: str | None = None

    @property
    def final(self) -> bool:
        return self.state.is_final


def _last_word(folder: Path) -> _LastWord:
    word = _LastWord()
    for event in events(folder):
        if event["event"] == "state":
            word.state = RunState(event["state"])
            word.time = event["time"]
            word.error = event.get("error")
            word.started = word.started or event["time"]
    return word
