"""What a process that decodes images is told when it starts."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


class BoundToParent:
    """Makes a loader process live exactly as long as its parent wants it: a picklable `worker_init_fn`.

    Killed with it, by the kernel and at once (Linux; elsewhere torch looks every five seconds). And out of its process
    group: a SIGTERM for the whole group is then the parent's to answer, at the end of a step and not for want of one.
    """

    def __init__(self) -> None:
        self.parent = os.getpid()

    def __call__(self, _: int) -> None:
        os.setpgid(0, 0)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self.parent:
                # It was gone before it could be said.
                os._exit(1)
