"""Job in, trained model and journal out."""

import os
import sys
from pathlib import Path

from fledge.worker.quick_exit import QuickExit


def main() -> int:
    leaving = QuickExit()
    # Imported late: what is called at exit registers itself while it is imported.
    from fledge.worker.work import work

    leaving.status = work(Path(sys.argv[1]), Path(os.environ["FLEDGE_RUN_DIR"]))
    return leaving.status


if __name__ == "__main__":
    sys.exit(main())
