"""Follower: tells one tracker of a run while that goes on."""

import os
import threading
from contextlib import suppress
from typing import NoReturn, TextIO

from fledge.runs.reporter import Reporter
from fledge.tracking.delivery import Delivery

_POLL_SECONDS = 0.5
_LONGEST_PAUSE = 30.0
# Once the run has ended, and the tracker takes nothing more.
_LAST_WORDS_SECONDS = 30.0


class Follower:
    """Trouble with the tracker is told once, and tried again for as long as the run goes on, ever more seldom.

    What is unsent when the run has ended, and a last try has failed or hangs, is left to `fledge runs sync`.
    """

    def __init__(self, delivery: Delivery, report: Reporter) -> None:
        self._delivery, self._report = delivery, report
        self._ended, self._state = threading.Event(), ""

    def follow(self, worker: TextIO) -> NoReturn:
        """Until the worker has said what became of the run, or is gone without a word, and all is told."""
        # A daemon, for a tracker's library may hang for ever.
        telling = threading.Thread(target=self._tell, daemon=True)
        telling.start()
        self._state = worker.readline().strip()
        self._ended.set()
        sent = -1
        while telling.is_alive() and self._delivery.sent != sent:
            sent = self._delivery.sent
            telling.join(_LAST_WORDS_SECONDS)
        if telling.is_alive():
            self._warn("does not answer")
        os._exit(0)

    def _tell(self) -> None:
        try:
            with self._delivery:
                self._tell_until_the_end()
        except Exception as error:  # noqa: BLE001 -- a tracker's trouble is never the run's
            self._warn(f"cannot be told: {_named(error)}")

    def _tell_until_the_end(self) -> None:
        pause, warned = _POLL_SECONDS, False
        while True:
            # Seen before reading, so that the last read comes after the last event.
            ended = self._ended.is_set()
            try:
                self._delivery.send()
                if ended and self._state:
                    self._delivery.finish(self._state)
                pause = _POLL_SECONDS
            except Exception as error:
                if ended:
                    raise
                if not warned:
                    self._warn(f"cannot be told, and is tried again: {_named(error)}", left=False)
                pause, warned = min(2 * pause, _LONGEST_PAUSE), True
            if ended:
                return
            self._ended.wait(pause)

    def _warn(self, trouble: str, *, left: bool = True) -> None:
        name = self._delivery.name
        rest = f"; the rest is sent by: fledge runs sync {self._report.folder.name} --tracker {name}" if left else ""
        with suppress(OSError):
            self._report.warn(f"tracker {name!r} {trouble}{rest}")


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
