"""Mirroring: mirrors that are kept up to date beside a job."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fledge_azureml_node.mirror import Mirror

_PAUSE_SECONDS = 0.5
# A mount that is away for a moment must not cost the last of what was done.
_LAST_TRIES = 4


@contextmanager
def mirroring(*mirrors: Mirror) -> Iterator[None]:
    """Within, each has a thread of its own, so that none waits for one that is slow; at the end, each has all."""
    ending = threading.Event()
    threads = [threading.Thread(target=_keep, args=(mirror, ending), daemon=True) for mirror in mirrors]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def _keep(mirror: Mirror, ending: threading.Event) -> None:
    pause = 0.0
    while not ending.wait(pause):
        begun = time.monotonic()
        mirror.sweep()
        # Half of the time at most.
        pause = max(_PAUSE_SECONDS, time.monotonic() - begun)
    for left in reversed(range(_LAST_TRIES)):
        if mirror.sweep(last=True) or not left:
            return
        time.sleep(_PAUSE_SECONDS)
