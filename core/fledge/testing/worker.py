"""`python -m fledge.testing.worker SPEC`: a worker with faults, or with a trace of what it computes.

FLEDGE_CHAOS lists faults ("kill@7,preempt@3"), one for each try of the run, and then no more; FLEDGE_TRACE=1 asks for a
trace. Everything else is the worker that a backend starts on any other day.
"""

import os
import sys
from pathlib import Path

from fledge.runs.journal import events
from fledge.testing.faults import Fault, FaultCompanion
from fledge.testing.trace import TraceCompanion
from fledge.worker.leave import leave
from fledge.worker.work import work

CHAOS, TRACE = "FLEDGE_CHAOS", "FLEDGE_TRACE"


def main() -> int:
    folder = Path(os.environ["FLEDGE_RUN_DIR"])
    companions: dict[str, object] = {}
    if os.environ.get(TRACE):
        companions["trace"] = TraceCompanion(folder)
    faults = [Fault.parse(text) for text in os.environ.get(CHAOS, "").split(",") if text]
    tries = sum(event.get("state") == "PREPARING" for event in events(folder))
    if tries < len(faults):
        companions["chaos"] = FaultCompanion(faults[tries])
    return work(Path(sys.argv[1]), folder, companions)


if __name__ == "__main__":
    leave(main())
