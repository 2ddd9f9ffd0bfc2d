"""LastWords: how a worker says what became of its run, on a full disk too."""

import errno
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from fledge.interfaces.job import TRY_AGAIN
from fledge.interfaces.launcher import ALONE, Place
from fledge.interfaces.state import RunState
from fledge.launchers.first_failure import FirstFailure, read
from fledge.runs.notice import Notice, Stopped
from fledge.runs.reporter import Reporter

_BALLAST_BYTES = 1 << 16
# What it takes to learn that a process was killed, whose peers may notice first.
_NEWS_SECONDS = 10.0
# What its traceback takes to the log, by a way of its own: it is to be read before what this process says of it.
_TRACEBACK_SECONDS = 0.5
# What a disk says whose owner can mend it, and for which no traceback is of use.
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})


class LastWords:
    """A context that holds a little of the disk, to be let go of should there be no room for the last word.

    Where many processes train together, the last word is about the one that failed first. `state` is that word.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._place: Place | None = None
        self._ballast = report.folder / ".ballast"
        self.state: RunState | None = None

    def __enter__(self) -> "LastWords":
        with suppress(OSError):
            self._ballast.write_bytes(bytes(_BALLAST_BYTES))
        return self

    def begin(self, place: Place, report: Reporter) -> None:
        """The first word, as soon as it is known which process this is, and where it reports."""
        self._place, self._report = place, report
        report.stage(RunState.PREPARING)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ballast.unlink(missing_ok=True)

    def stopped(self, stop: Stopped) -> int:
        if self._is_one_of_many() and (first := read(self._report.folder)):
            return self.failed(first.error, transient=first.transient)
        self.say(stop.state, error=str(stop))
        return TRY_AGAIN

    def cause(self, notice: Notice) -> FirstFailure | None:
        """Which other process had failed before, and ended this one's collective; waited for until there is a notice.

        That one must have been dismissed: where this is asked, nobody would catch what it raises.
        """
        if not self._is_one_of_many():
            return None
        first = read(self._report.folder, _NEWS_SECONDS, enough=lambda: notice.reason is not None)
        if first:
            time.sleep(_TRACEBACK_SECONDS)
        return first

    def failed(self, error: str, *, transient: bool) -> int:
        if self._is_one_of_many():
            assert self._place is not None
            first = FirstFailure(self._place.rank, f"rank {self._place.rank}: {error}", transient)
            first = first.leave(self._report.folder)
            if first.rank != self._place.rank:
                error, transient = first.error, first.transient
        self.say(RunState.FAILED, error=error, **({"transient": True} if transient else {}))
        return TRY_AGAIN if transient else 1

    def _is_one_of_many(self) -> bool:
        return self._place is not None and self._place.world_size > 1

    def say(self, state: RunState, **fields: Any) -> None:
        self.state = state
        try:
            if self._place is None:
                self.begin(ALONE, self._report)
            self._report.stage(state, **fields)
        except OSError:
            with suppress(OSError):
                self._ballast.unlink(missing_ok=True)
                self._report.stage(state, **fields)


def explain(error: BaseException, folder: Path) -> str | None:
    """A sentence for an error of the disk, or None for any other."""
    if not isinstance(error, OSError) or error.errno not in _DISK:
        return None
    return (
        f"{error.filename or folder}: {error.strerror}\n"
        f"  mend that, and then: fledge runs resume {folder.name}; checkpoints and earlier epochs are kept"
    )
