"""Tracking: the trackers of a run, each fed from the journal by a thread of its own."""

import threading
from types import TracebackType
from typing import Any

from fledge.atomic import write_atomic
from fledge.discovery.catalog import Catalog
from fledge.interfaces.run import RunInfo
from fledge.interfaces.tracker import Tracker
from fledge.runs.journal import Event, read
from fledge.runs.notice import Stopped
from fledge.runs.reporter import Reporter
from fledge.spec.run_spec import RunSpec

_POLL_SECONDS = 0.5
_LAST_WORDS_SECONDS = 30.0


class Tracking:
    """A context in which a run's trackers follow its journal.

    A tracker that raises is reported once and told no more; one that hangs is waited for half a
    minute at the run's end. What it missed stays in the journal.
    """

    def __init__(self, spec: RunSpec, catalog: Catalog, run: RunInfo, report: Reporter) -> None:
        self._feeds = [_Feed(name, _make(name, told, catalog), run, report) for name, told in spec.trackers.items()]
        self._report = report

    def __enter__(self) -> None:
        for feed in self._feeds:
            feed.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for feed in self._feeds:
            feed.state = "COMPLETED" if kind is None else str(error.state) if isinstance(error, Stopped) else "FAILED"
            feed.ending.set()
        for feed in self._feeds:
            feed.join(_LAST_WORDS_SECONDS)
            if feed.is_alive():
                self._report.warn(f"tracker {feed.name!r} did not take the run's last events in time")


class _Feed(threading.Thread):
    def __init__(self, name: str, tracker: Tracker, run: RunInfo, report: Reporter) -> None:
        super().__init__(name=name, daemon=True)
        self.tracker = tracker
        self.info = run
        self.report = report
        self.sent = report.folder / f".sent.{name}"
        self.ending = threading.Event()
        self.state = ""

    def run(self) -> None:
        try:
            self.tracker.start(self.info)
            # What an earlier try of this run has sent is not sent again.
            offset = int(self.sent.read_text()) if self.sent.exists() else 0
            while True:
                # Seen before reading, so that the last read comes after the last event.
                ending = self.ending.is_set()
                offset = self._feed(offset)
                if ending:
                    break
                self.ending.wait(_POLL_SECONDS)
            self.tracker.finish(self.state)
        except Exception as error:  # noqa: BLE001 -- a tracker's trouble is never the run's
            self.report.warn(f"tracker {self.name!r} failed and is told no more: {type(error).__name__}: {error}")

    def _feed(self, offset: int) -> int:
        events: list[Event] = []
        for event, position in read(self.report.folder, offset):
            events.append(event)
            offset = position
        if events:
            self.tracker.record(events)
            write_atomic(self.sent, str(offset))
        for event in events:
            if event["event"] == "artifact":
                self.tracker.artifact(self.report.folder / event["path"])
        return offset


def _make(name: str, told: dict[str, Any], catalog: Catalog) -> Tracker:
    tracker: Tracker = catalog.make("tracker", name, told)
    return tracker
