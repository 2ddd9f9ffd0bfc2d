"""EventFile: appends to a file in TensorBoard's format."""

import errno
import io
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from fledge import RunError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.record_writer import RecordWriter


class EventFile:
    """A file of its own among the event files of a folder, made with the first events.

    What others left there is not touched: whatever stands behind a torn event would never be read.
    """

    def __init__(self, folder: Path) -> None:
        # TensorBoard reads a folder's files by name, and none that comes before one that it has read to its end.
        self._path = folder / f"events.out.tfevents.{time.time_ns()}.{os.getpid()}"
        self._size = 0

    def append(self, events: Sequence[Event]) -> None:
        """All of them are on the disk, or none is in the file. Raises RunError where they cannot be written."""
        told = io.BytesIO()
        records = RecordWriter(told)
        if not self._size:
            records.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        for event in events:
            records.write(event.SerializeToString())
        content = told.getvalue()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab", buffering=0) as file:
                if file.write(content) < len(content):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
        except OSError as error:
            with suppress(OSError):
                os.truncate(self._path, self._size)
            raise RunError(
                f"TensorBoard's events cannot be written to {self._path.parent}: {error.strerror}",
                hint="make room or name another folder, trackers.tensorboard.folder, and send them later: "
                "fledge runs sync RUN",
                transient=True,
            ) from None
        self._size += len(content)
