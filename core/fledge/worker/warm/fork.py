"""What a fork does to be the worker that its client was started as."""

import ctypes
import io
import os
import signal
import sys
from importlib import invalidate_caches
from pathlib import Path
from typing import NoReturn

from fledge.worker.leave import leave
from fledge.worker.warm.wire import Order

_PR_SET_PDEATHSIG = 1


def become_worker(order: Order, streams: list[int]) -> NoReturn:
    """Never returns, whatever happens."""
    try:
        # Leads a group of its own, which is killed when it has ended or its client has.
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.close(stream)
        for written in (sys.stdout, sys.stderr):
            if isinstance(written, io.TextIOWrapper):
                written.reconfigure(write_through=True)
        os.chdir(order.folder)
        os.environ.clear()
        os.environ.update(order.environment)
        invalidate_caches()

        from fledge.worker.work import work

        spec, *words = order.arguments
        leave(work(Path(spec), Path(os.environ["FLEDGE_RUN_DIR"]), words=words))
    finally:
        os._exit(1)
