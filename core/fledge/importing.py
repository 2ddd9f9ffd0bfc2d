"""How heavy modules are imported."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """A context within which Python's garbage collector rests.

    Of what modules are made nothing is ever garbage, and looking through it again and again takes a fifth of the time
    that torch and what it brings take to be imported. It is never looked through later, either.
    """
    if not gc.isenabled():
        # Within another.
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
