"""Job in, trained model and journal out."""

import os
import sys
from pathlib import Path

from fledge.worker.leave import leave
from fledge.worker.work import work

if __name__ == "__main__":
    leave(work(Path(sys.argv[1]), Path(os.environ["FLEDGE_RUN_DIR"])))
