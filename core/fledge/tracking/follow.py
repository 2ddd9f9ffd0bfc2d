"""Follower: tells one tracker of a run while that goes on."""

import os
import threading
import time
from contextlib import suppress
from typing import NoReturn, TextIO

from fledge.errors import FledgeError, UsageError
from fledge.runs.reporter import Reporter
from fledge.tracking.delivery import Delivery

# Nobody watches a tracker by the second, and each look is taken from the training.
_POLL_SECONDS = 2.0
_LONGEST_PAUSE = 30.0
# Once the run has ended, and the tracker neither takes anything nor computes: to import its library may take longer
# beside others that compute.
_LAST_WORDS_SECONDS = 30.0
_LOOK_SECONDS = 5.0
# Of a processor's time between two looks. Who waits for an answer, and asks again now and then, takes less.
_AT_WORK_SECONDS = 0.1


class Follower:
    """Trouble with the tracker is told once, and tried again for as long as the run goes on, ever more seldom.

    What is unsent when the run has ended, and a last try has failed or hangs, is left to `fledge runs sync`: unless it
    could never be started, for a UsageError, which will not pass and says itself what to do.
    """

    def __init__(self, delivery: Delivery, report: Reporter) -> None:
        self._delivery, self._report = delivery, report
        self._ended, self._state = threading.Event(), ""
        # Whether trouble that has not gone since was told.
        self._troubled = False
        # What a person was told to do about it.
        self._remedy: str | None = None

    def follow(self, worker: TextIO) -> NoReturn:
        """Until the worker has said what became of the run, or is gone without a word, and all is told."""
        # A daemon, for a tracker's library may hang for ever.
        telling = threading.Thread(target=self._tell, daemon=True)
        telling.start()
        self._state = worker.readline().strip()
        self._ended.set()
        idle = 0.0
        while telling.is_alive() and idle < _LAST_WORDS_SECONDS:
            sent, spent = self._delivery.sent, time.process_time()
            telling.join(_LOOK_SECONDS)
            at_work = self._delivery.sent != sent or time.process_time() - spent > _AT_WORK_SECONDS
            idle = 0.0 if at_work else idle + _LOOK_SECONDS
        if telling.is_alive():
            self._leave("does not answer")
        os._exit(0)

    def _tell(self) -> None:
        try:
            with self._delivery:
                self._tell_until_the_end()
        except Exception as error:  # noqa: BLE001 -- a tracker's trouble is never the run's
            self._leave(f"cannot be told: {_named(error)}", self._own(error))

    def _tell_until_the_end(self) -> None:
        pause, warned = _POLL_SECONDS, False
        while True:
            # Seen before reading, so that the last read comes after the last event.
            ended = self._ended.is_set()
            try:
                self._delivery.send()
                if ended and self._state:
                    self._delivery.finish(self._state)
                pause, self._troubled = _POLL_SECONDS, False
            except Exception as error:
                # A try during which the run has ended was the last: another would be waited for as long once more.
                if self._ended.is_set():
                    raise
                if not warned:
                    self._remedy = self._own(error)
                    again = "" if self._remedy else ", and is tried again"
                    self._warn(f"cannot be told{again}: {_named(error)}{f'; {self._remedy}' if self._remedy else ''}")
                    self._troubled = True
                pause, warned = min(2 * pause, _LONGEST_PAUSE), True
            if ended:
                return
            self._ended.wait(pause)

    def _leave(self, trouble: str, remedy: str | None = None) -> None:
        if remedy and remedy == self._remedy:
            return
        what = "has not all of it" if self._troubled else trouble
        run, name = self._report.folder.name, self._delivery.name
        self._warn(f"{what}; {remedy or f'the rest is sent by: fledge runs sync {run} --tracker {name}'}")

    def _own(self, error: Exception) -> str | None:
        """The hint of one that is wrong here whatever happens: to send by hand would only lead back to it."""
        return error.hint if isinstance(error, UsageError) and not self._delivery.started else None

    def _warn(self, trouble: str) -> None:
        with suppress(OSError):
            self._report.warn(f"tracker {self._delivery.name!r} {trouble}")


def _named(error: Exception) -> str:
    """Without a FledgeError's hint, which is to be heard by whoever sends by hand."""
    return error.message if isinstance(error, FledgeError) else f"{type(error).__name__}: {error}"
