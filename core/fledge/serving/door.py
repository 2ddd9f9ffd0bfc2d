"""Door: how many may be in at once, and what those are told who may not."""

import logging
import resource
import socket
import time
from contextlib import suppress
from typing import Any

# For what else the server opens: its page, modules that are imported late, the model's own.
_OTHER_FILES = 32
_QUIET_SECONDS = 60
_TOLD = b'{"detail":"too many are connected already"}'
_FULL = b"\r\n".join(
    [
        b"HTTP/1.1 503 Service Unavailable",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(_TOLD),
        b"Retry-After: 1",
        b"Connection: close",
        b"",
        _TOLD,
    ]
)


class Door(socket.socket):
    """Listens in another's stead. Who would be one too many is told so (503) and sent away: to be left waiting looks
    like a server that hangs, and one that has no file left to open can let nobody in at all.

    The system gives the lowest free number to all that is opened, so a connection's own says how many there are.
    """

    def __init__(self, at: socket.socket, most: int) -> None:
        super().__init__(at.family, at.type, at.proto, fileno=at.detach())
        self._most = most
        self._failed = False

    def accept(self) -> tuple[socket.socket, Any]:
        """For asyncio, which waits for the next one after a ConnectionAbortedError."""
        if self._failed:
            # asyncio tries again in a second, as it should, but also at once, as often as its backlog is long.
            self._failed = False
            raise BlockingIOError
        try:
            connection, address = super().accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            raise
        except OSError:
            self._failed = True
            raise
        if connection.fileno() < self._most:
            return connection, address
        with connection, suppress(OSError):
            connection.sendall(_FULL)
        raise ConnectionAbortedError


class Seldom(logging.Filter):
    """Of asyncio's reports that it can let nobody in, one line a minute, without its traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, OSError) or not record.getMessage().startswith("socket.accept()"):
            return True
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _QUIET_SECONDS
        record.msg, record.args = f"nobody can be let in ({error.strerror}); tried again every second", ()
        record.exc_info = record.exc_text = None
        return True


def room_for(connections: int) -> int:
    """How many of them there may be: fewer where this process may not open so many files, which it first asks for."""
    wanted = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return soft - min(_OTHER_FILES, soft // 4)
    return connections
