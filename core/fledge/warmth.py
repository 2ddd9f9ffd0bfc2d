"""Warm workers: for many runs on this machine, one process imports what they all need, and each is a fork of it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Where a worker that is started finds the process to be forked from.
VARIABLE = "FLEDGE_WARM_WORKERS"


def possible() -> bool:
    """Only on Linux, for elsewhere what torch builds on does not survive a fork; and not beside an NVIDIA GPU, on which
    this was never tried."""
    return sys.platform == "linux" and not Path("/dev/nvidiactl").exists()


@contextmanager
def warm_workers() -> Iterator[None]:
    """Within, workers that this process has a backend start on this machine begin without importing torch again.

    What they compute is the same. Nothing is imported before the first one asks, and runs outlive this process as ever.
    Where it is not possible, they begin as ever.
    """
    if not possible():
        yield
        return
    # Not in the home: an address may be no longer than a hundred letters.
    folder = tempfile.mkdtemp(prefix="fledge-")
    address = Path(folder) / "warm"
    command = [sys.executable, "-P", "-m", "fledge.worker.warm", str(address)]
    # Of its own session, for Ctrl-C is not for it. It ends once this process has, and the last of its forks.
    nursery = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert nursery.stdin is not None
    os.environ[VARIABLE] = str(address)
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        nursery.stdin.close()
