"""FirstFailure: which of a job's processes failed first, told to the others on its node.

When one ends, the others fail too: their peer is gone, or they are told to stop. What a person wants to read is the
first one's error, and rank 0, which has to say it, may not be the first.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = ".first-failure.json"
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class FirstFailure:
    """error is in words for the run's state; transient: trying again may help."""

    rank: int
    error: str
    transient: bool = False

    def leave(self, folder: Path) -> "FirstFailure":
        """Write it down in the run's folder, unless another was quicker; returns the one that is there then."""
        part = folder / f"{_FILE}.{os.getpid()}"
        with suppress(OSError):
            part.write_text(json.dumps(asdict(self)))
            with suppress(FileExistsError):
                os.link(part, folder / _FILE)
            part.unlink()
        return read(folder) or self


def read(folder: Path, patience: float = 0.0, enough: Callable[[], bool] = lambda: False) -> FirstFailure | None:
    """What was left there; `patience`: for how many seconds it is waited for, unless that is `enough` before."""
    deadline = time.monotonic() + patience
    while True:
        # Asked first: what was left before the word that ends the waiting is still found.
        over = enough() or time.monotonic() >= deadline
        with suppress(OSError):
            return FirstFailure(**json.loads((folder / _FILE).read_text()))
        if over:
            return None
        time.sleep(_POLL_SECONDS)


def forget(folder: Path) -> None:
    """Of an earlier try."""
    (folder / _FILE).unlink(missing_ok=True)
