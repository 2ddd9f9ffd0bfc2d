"""Client: the process that a backend has started, while a fork of another does its work.

It has to stay: a backend asks it to stop, kills it, waits for it, and takes its exit status.
"""

import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from fledge.worker.warm.wire import ACCEPTED, Order

_HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def work_elsewhere(address: str) -> int | None:
    """The exit status of the worker that was forked; None where nobody forks, and nothing was begun."""
    nursery = socket.socket(socket.AF_UNIX)
    try:
        nursery.connect(address)
        Order(sys.argv[1:], str(Path.cwd()), dict(os.environ)).send(nursery)
        if nursery.recv(1) != ACCEPTED:
            return None
    except OSError:
        return None

    def hand_on(number: int, _: object) -> None:
        # To nobody, where the nursery has just said how it ended.
        with suppress(OSError):
            nursery.send(bytes([number]))

    for number in _HANDED_ON:
        signal.signal(number, hand_on)
    told = b""
    with suppress(OSError):
        told = nursery.recv(2)
    # Whatever has ended the nursery, its forks have gone with it.
    killed, how = told if len(told) == 2 else (1, signal.SIGKILL)
    if killed:
        if how != signal.SIGKILL:
            signal.signal(how, signal.SIG_DFL)
        os.kill(os.getpid(), how)
    return int(how)
