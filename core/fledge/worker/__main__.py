"""Job in, trained model and journal out."""

import os
import sys
from pathlib import Path

from fledge.warmth import VARIABLE

if __name__ == "__main__":
    status = None
    if VARIABLE in os.environ:
        from fledge.worker.warm.client import work_elsewhere

        status = work_elsewhere(os.environ[VARIABLE])
    if status is not None:
        os._exit(status)

    from fledge.worker.leave import leave
    from fledge.worker.work import work

    leave(work(Path(sys.argv[1]), Path(os.environ["FLEDGE_RUN_DIR"]), words=sys.argv[2:]))
