"""`python -m fledge.tracking SPEC TRACKER`: tells one tracker of the run in FLEDGE_RUN_DIR while its worker lives.

The worker holds the other end of standard input. It says there what became of the run, and is gone once that is closed.
"""

import os
import signal
import sys
from pathlib import Path

from fledge.discovery.discover import discover
from fledge.interfaces.run import RunInfo
from fledge.runs.reporter import Reporter
from fledge.spec.load import load
from fledge.tracking.delivery import Delivery
from fledge.tracking.follow import Follower

# Another process that sends, by hand, is done by then.
_LOCK_SECONDS = 60.0


def main(spec: Path, name: str, folder: Path) -> None:
    wanted = load(spec)
    run = RunInfo(os.environ["FLEDGE_RUN_ID"], wanted.experiment, wanted.to_dict(), folder / "outputs")
    delivery = Delivery(name, wanted.trackers[name], discover(), run, folder, _LOCK_SECONDS)
    Follower(delivery, Reporter(folder)).follow(sys.stdin)


if __name__ == "__main__":
    # Who is asked to stop is the worker, which still has something to say.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Training goes first.
    os.nice(10)
    main(Path(sys.argv[1]), sys.argv[2], Path(os.environ["FLEDGE_RUN_DIR"]))
