"""Memory: what was freed goes back to the system."""

import ctypes

# The number of glibc's mallopt, and from how many bytes on a block is mapped for itself.
_MMAP_THRESHOLD = -3
_BLOCK = 1 << 20


def give_back_what_is_freed() -> None:
    """Where there is glibc. It keeps blocks of an image's size once it has seen one freed, for each thread: 240 MB
    after a picture of 50 megapixels."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _BLOCK)
