"""Signs of life: what a worker does once in a while, whatever it is busy with."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from fledge.runs.notice import Notice
from fledge.runs.reporter import Reporter

HEARTBEAT_SECONDS = 15.0
_LOOK_SECONDS = 1.0


@contextmanager
def vital_signs(report: Reporter, notice: Notice) -> Iterator[None]:
    """Within, the journal gets a heartbeat every 15 s; and a run whose folder was removed is told to stop."""
    ending = threading.Event()

    def watch() -> None:
        heard = time.monotonic()
        while not ending.wait(_LOOK_SECONDS):
            if report.journal.gone():
                notice.give("the run's folder was removed")
                return
            if time.monotonic() - heard >= HEARTBEAT_SECONDS:
                heard = time.monotonic()
                # A full disk is for those to tell who have something to write.
                with suppress(OSError):
                    report.journal.write("heartbeat")

    watcher = threading.Thread(target=watch, name="vital-signs", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ending.set()
        watcher.join()
