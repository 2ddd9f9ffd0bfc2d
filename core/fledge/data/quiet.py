"""Decoding without Pillow's Python warnings."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_before: "warnings.catch_warnings[None] | None" = None


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """While inside, Pillow's warnings are dropped: what is wrong with an image shows in whether it decodes.

    They tell of damaged EXIF data and of large images: the first says nothing about the pixels, and
    for the second Pillow has an error too, at twice the size. Any number of threads may be inside.
    """
    global _inside, _before
    with _lock:
        # Python's warning filters are the whole process's: the first one in sets them, the last one out resets them.
        if _inside == 0:
            _before = warnings.catch_warnings()
            _before.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _before is not None:
                _before.__exit__(None, None, None)
                _before = None
