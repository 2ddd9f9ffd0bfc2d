"""Listener: follows a run's journal while its log is followed."""

import threading
from contextlib import suppress
from types import TracebackType

from fledge.cli.screen import Screen
from fledge.errors import FledgeError
from fledge.interfaces.backend import ComputeBackend
from fledge.runs.journal import FILE, read
from fledge.runs.run_directory import RunDirectory

_POLL_SECONDS = 0.3


class Listener:
    """A context in which the screen hears each event that the journal has behind byte `offset`, and all by its end."""

    def __init__(self, run: RunDirectory, backend: ComputeBackend, screen: Screen, offset: int) -> None:
        self._run, self._backend, self._screen, self._offset = run, backend, screen, offset
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join()
        self._hear()

    def _listen(self) -> None:
        while not self._ending.wait(max(_POLL_SECONDS, self._backend.poll_seconds)):
            # What cannot be had now can be had later; whether the run goes on is found out elsewhere.
            with suppress(FledgeError, OSError):
                reference = self._run.record().ref
                if reference is not None:
                    self._backend.fetch(reference, FILE, self._run.path)
                self._hear()

    def _hear(self) -> None:
        for event, offset in read(self._run.path, self._offset):
            self._screen.hear(event)
            self._offset = offset
