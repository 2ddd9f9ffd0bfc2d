"""How a rank tells the others on its node, whose peer it was, that it failed first.

The file is fledge's own (fledge.launchers.first_failure): what starts a node's ranks leaves it there, for a rank that
could say nothing more itself. Here that is the service, which does not.
"""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

_FILE = ".first-failure.json"


def tell(run: Path, rank: int, number: int) -> None:
    """It was killed by a signal of that number, and not by this program; of many, the first one's word stays."""
    error = f"rank {rank} was killed by {signal.Signals(number).name}"
    part = run / f"{_FILE}.{os.getpid()}"
    with suppress(OSError):
        part.write_text(json.dumps({"rank": rank, "error": error, "transient": True}))
        with suppress(FileExistsError):
            os.link(part, run / _FILE)
        part.unlink()
