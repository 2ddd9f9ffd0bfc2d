"""Screen: what whoever stays with a run is shown, on standard error; and, as JSON, on standard output."""

import os
import shutil
import sys
import threading
from contextlib import suppress
from typing import Any

from fledge.cli.printing import tell_json
from fledge.cli.status_line import StatusLine

_WIPED = b"\r\x1b[K"


class Screen:
    """The run's log as it is written, above a line that says how far it is where a person watches a terminal.

    quiet:   neither, and of what this command says itself only what went wrong
    as_json: the journal's events on standard output, one a line
    """

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self._quiet, self._as_json = quiet, as_json
        self._status = StatusLine() if sys.stderr.isatty() and not quiet and not as_json else None
        self._drawn = False
        self._one_at_once = threading.Lock()
        self._listening = not quiet
        self._in_line = False

    def log(self, data: bytes) -> None:
        if not self._listening:
            return
        with self._one_at_once:
            self._write(self._wiped() + data)
            self._in_line = not data.endswith(b"\n")
            self._draw()

    def hear(self, event: dict[str, Any]) -> None:
        """The run's journal has another event."""
        if self._as_json:
            tell_json(event)
        elif self._status is not None:
            with self._one_at_once:
                self._status.hear(event)
                self._write(self._wiped())
                self._draw()

    def say(self, line: str, *, wrong: bool = False) -> None:
        """A line of this command's own."""
        if self._quiet and not wrong:
            return
        with self._one_at_once, suppress(BrokenPipeError):
            self._write(self._wiped())
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leaves no line behind that would not be true any more."""
        with self._one_at_once:
            self._write(self._wiped())
            self._status = None

    def _draw(self) -> None:
        # A line of the log that is not at its end yet would be written over.
        if self._status is None or not self._status.text or self._in_line:
            return
        width = shutil.get_terminal_size().columns - 1
        self._write(self._status.text[:width].encode())
        self._drawn = True

    def _wiped(self) -> bytes:
        wiped = _WIPED if self._drawn else b""
        self._drawn = False
        return wiped

    def _write(self, data: bytes) -> None:
        if not data or not self._listening:
            return
        try:
            sys.stderr.buffer.write(data)
            sys.stderr.flush()
        except BrokenPipeError:
            # Whoever read the log has gone; the run's fate is still this command's exit status.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
            self._listening = False
