"""Errors that may be gone when the same is tried again: what `training.retries` and a backend's patience cover.

FledgeError(transient=True)              whoever raised it knows: a server that gave up answering, say
ConnectionError, TimeoutError            a network in between, whatever it was used for
httpx.TransportError                     the same, as httpx calls it
OSError with one of TRANSIENT_ERRNOS     a network, or a network's file system, that is away for a moment
RuntimeError of a dead loader process    torch's word for one that was killed, mostly for want of memory
"""

import errno
import sys

from fledge.errors import FledgeError

TRANSIENT_ERRNOS = frozenset(
    {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETRESET, errno.ESTALE}
)


def is_transient(error: BaseException) -> bool:
    """Whether it is one of the set named above."""
    if isinstance(error, FledgeError):
        return error.transient
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError):
        return error.errno in TRANSIENT_ERRNOS
    # Raised only where httpx is imported already; nobody else pays for it.
    httpx = sys.modules.get("httpx")
    if httpx is not None and isinstance(error, httpx.TransportError):
        return True
    return isinstance(error, RuntimeError) and str(error).startswith("DataLoader worker (pid")
