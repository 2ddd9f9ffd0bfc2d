"""Has the web application listen, until it is told to stop."""

import logging
import os
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from fledge.errors import UsageError
from fledge.serving.door import Door, Seldom, room_for
from fledge.serving.impatient import impatient
from fledge.serving.limits import Limits
from fledge.serving.loopback import is_loopback
from fledge.serving.memory import give_back_what_is_freed

# What is held then is finished; a request that hangs does not keep the server for ever.
_PATIENCE_SECONDS = 30


def listening(host: str, port: int, *, token: str | None) -> socket.socket:
    """Raises UsageError for an address that others can reach, without a token; OSError for one that is taken."""
    if token is None and not is_loopback(host):
        raise UsageError(
            f"at {host} others can reach it: that needs a token",
            hint="--token WORD, or better FLEDGE_TOKEN=WORD, which no list of processes shows",
        )
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as error:
        # Those of name resolution are negative, and no number that the system knows.
        told = os.strerror(error.errno) if error.errno and error.errno > 0 else "there is no such host"
        raise UsageError(f"{host}:{port}: {told}", hint="name another with --host and --port") from None
    except (UnicodeError, TypeError):
        # What Python says of a name that cannot be encoded as one.
        raise UsageError(f"{host!r} is no name of a host", hint="name another with --host") from None


def serve(app: FastAPI, at: socket.socket, limits: Limits, ready: Callable[[], None]) -> None:
    """Returns once a signal asked it to stop, and everybody who had asked has their answer."""
    give_back_what_is_freed()
    door = Door(at, room_for(limits.connections))
    logging.getLogger("asyncio").addFilter(Seldom())
    # Its warnings are of what clients do wrong, who are told so themselves.
    config = uvicorn.Config(
        app,
        http=impatient(limits.seconds),
        # Others, where they are installed, would accept without the door.
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_level="error",
        timeout_graceful_shutdown=_PATIENCE_SECONDS,
    )
    server = uvicorn.Server(config)
    # Until uvicorn listens to signals itself, and when it raises what stopped it once more, behind the end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    ready()
    server.run(sockets=[door])
