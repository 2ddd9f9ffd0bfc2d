"""Journal: the append-only list of a run's events, and the one truth about it.

Each line of `journal.jsonl` is a JSON object with `time` (UTC, ISO 8601) and `event`:

    state      state; error where it failed, transient where trying again may help
    resumed    submitted once more, by: "person" or "retry"
    heartbeat  the worker lives
    checkpoint epoch and step that it reaches to: epochs done, and steps of the next one
    lineage    git, spec_file, overrides, python, packages (versions by name), hardware, seed: where the run comes from
    params     values: what was decided before training (device, classes, data set, weights, ...)
    metrics    values by name, epoch and step where they have one
    step       how far an epoch is, once a second at most: epoch of epochs, step of steps, images_per_second, loss
    progress   what, done, total, unit
    warning    message
    artifact   path below the run's folder, size, sha256
    profile    rows of path, seconds and count: where the worker's time went
    trained    classes, metrics and weights_sha256 of the finished model

What was done again after a resume is told again: of two events for one epoch, the later holds.
"""

import errno
import json
import math
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from fledge.interfaces.state import RunState
from fledge.profiling import timed

FILE = "journal.jsonl"

Event = dict[str, Any]

_BLOCK = 1 << 20


class Journal:
    """Writes events. Several processes may write to one journal at once: every event is a single append."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._handle: int | None = None
        self._one_thread = threading.Lock()

    @timed("journal")
    def write(self, event: str, /, **fields: Any) -> None:
        told = {"time": now(), "event": event, **fields}
        line = (json.dumps(_plain(told), allow_nan=False) + "\n").encode()
        with self._one_thread:
            if self._handle is None:
                self._handle = self._open()
            written = os.write(self._handle, line)
            if written < len(line):
                # The disk is full. Opened anew, the journal's next event ends this torn line first.
                self.close()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def gone(self) -> bool:
        """Whether the file that is written to has been removed, or another one put in its place."""
        if self._handle is None:
            return False
        try:
            return not os.path.samestat(os.fstat(self._handle), self.path.stat())
        except OSError:
            return True

    def state(self, state: RunState, **fields: Any) -> None:
        self.write("state", state=str(state), **fields)
        if self._handle is not None:
            os.fsync(self._handle)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int:
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            # A writer killed within its last line must not spoil the next one's first.
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                os.write(handle, b"\n")
        except OSError:
            # On a disk still full the line stays torn: whoever writes next has to begin here again.
            os.close(handle)
            raise
        return handle


def read(folder: Path, offset: int = 0) -> Iterator[tuple[Event, int]]:
    """Each event from byte `offset` on, with the offset behind it. Lines that are not whole events are passed over."""
    with _opened(folder, offset) as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            event = _parse(line)
            if event is not None:
                yield event, offset


def read_blocks(folder: Path, offset: int = 0) -> Iterator[tuple[bytes, int]]:
    """The same before it is parsed, about a megabyte at a time: whole lines, without the last one's end."""
    with _opened(folder, offset) as file:
        torn = b""
        while block := file.read(_BLOCK):
            lines, newline, torn = (torn + block).rpartition(b"\n")
            if newline:
                offset += len(lines) + 1
                yield lines, offset


def parse(lines: bytes) -> list[Event]:
    """The events of a block that `read_blocks` gave, in half the time that it takes to parse each line."""
    try:
        # As one list, which is what costs a parser least.
        told = json.loads(b"[" + lines.replace(b"\n", b",") + b"]")
    except ValueError:
        told = []
    if len(told) != lines.count(b"\n") + 1:
        # One of them is torn.
        told = [_parse(line) for line in lines.split(b"\n")]
    return [event for event in told if isinstance(event, dict) and "event" in event]


def _opened(folder: Path, offset: int) -> BinaryIO:
    """The journal from byte `offset` on; empty where there is none yet."""
    try:
        file = (folder / FILE).open("rb")
    except FileNotFoundError:
        return BytesIO()
    file.seek(offset)
    return file


def events(folder: Path) -> Iterator[Event]:
    """Each event of a run so far."""
    for event, _ in read(folder):
        yield event


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _parse(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
