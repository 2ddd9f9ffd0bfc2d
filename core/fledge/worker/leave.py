"""How a worker's process ends."""

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn


def leave(status: int) -> NoReturn:
    """End the process: threads are waited for, and what is to be done at exit is done, in Python's order.

    Python would go on to take apart the two thousand modules that come with torch, which takes a second and changes
    nothing. It has no public way to stop before that.
    """
    try:
        # What Python itself calls at its end; typeshed leaves out private names.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
    finally:
        os._exit(status)
