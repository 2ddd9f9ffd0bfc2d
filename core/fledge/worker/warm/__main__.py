"""`python -m fledge.worker.warm ADDRESS`: forks workers for whoever calls there, until standard input is closed."""

import signal
import sys
from pathlib import Path

from fledge.worker.leave import leave
from fledge.worker.warm.nursery import Nursery

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Nursery(Path(sys.argv[1])).serve()
    leave(0)
