"""How a training's process asks the system for memory."""

import ctypes

# Numbers of glibc's mallopt.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_memory() -> None:
    """Have glibc keep the memory of tensors that are done with for the next ones; elsewhere nothing happens.

    Large ones would go back to the system at once, which clears each page anew at every step: a tenth of its time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
