"""Delivery: what a tracker has not yet of a run's journal is told to it, in order, and noted once it has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fledge.discovery.catalog import Catalog
from fledge.errors import RunError
from fledge.interfaces.run import RunInfo
from fledge.interfaces.tracker import Tracker
from fledge.runs.journal import Event, read
from fledge.tracking.mark import Mark, mark_file

_AT_ONCE = 1000


class Delivery:
    """A context that holds a run's place at a tracker against all other processes.

    A tracker that raises is not asked again: the next try begins with another, which goes on behind what the mark
    says. An event is told once, and twice only where a process is killed between its telling and the mark.

    `started` is whether it could ever be told anything.

    Raises RunError on entry where another process does not let go within `patience` seconds.
    """

    def __init__(
        self, name: str, told: dict[str, Any], catalog: Catalog, run: RunInfo, folder: Path, patience: float
    ) -> None:
        self.name, self.sent, self.started = name, 0, False
        self._make = partial(catalog.make, "tracker", name, told)
        self._run, self._folder, self._patience = run, folder, patience
        self._tracker: Tracker | None = None
        self._file = mark_file(folder, name, catalog.options("tracker", name, told))
        self._lock = FileLock(self._file.with_suffix(".lock"))

    def __enter__(self) -> "Delivery":
        self._file.parent.mkdir(exist_ok=True)
        try:
            self._lock.acquire(timeout=self._patience)
        except Timeout:
            raise RunError(
                f"run {self._run.id}: another process is telling tracker {self.name!r} of it",
                hint="that one sends all there is; look again when it is done",
            ) from None
        self._mark = Mark.read(self._file)
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    @property
    def finished(self) -> str | None:
        """The state that it was last told of, where nothing has happened since."""
        return self._mark.finished

    def send(self) -> None:
        """All that is in the journal by now. Raises whatever the tracker does."""
        while batch := self._batch():
            events = [event for event, _ in batch]
            tracker = self._ready()
            with self._giving_up():
                tracker.record(events)
                last = events[-1]
                if last["event"] == "artifact" and (path := self._folder / last["path"]).exists():
                    tracker.artifact(path)
            self._mark = Mark(batch[-1][1])
            self._mark.write(self._file)
            self.sent += len(batch)

    def finish(self, state: str) -> None:
        tracker = self._ready()
        with self._giving_up():
            tracker.finish(state)
        self._mark = replace(self._mark, finished=state)
        self._mark.write(self._file)

    def _batch(self) -> list[tuple[Event, int]]:
        """The next events, up to an artifact's: a file is handed over before its event counts as told."""
        batch = []
        for event, offset in islice(read(self._folder, self._mark.offset), _AT_ONCE):
            batch.append((event, offset))
            if event["event"] == "artifact":
                break
        return batch

    def _ready(self) -> Tracker:
        if self._tracker is None:
            tracker: Tracker = self._make()
            tracker.start(self._run)
            self._tracker, self.started = tracker, True
        return self._tracker

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._tracker = None
            raise
