"""The processes of a submission: whatever it has started, and nothing else."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil


def marks(folder: Path, key: str) -> dict[str, str]:
    """What the environment of each holds. The first two are what fledge's worker looks for."""
    return {"FLEDGE_RUN_DIR": str(folder), "FLEDGE_RUN_ID": folder.name, "FLEDGE_KEY": key}


def end_all(mark: Mapping[str, str], session: int | None = None) -> None:
    """Kill them all, and return when they are gone.

    They are known by their marks, which those in sessions of their own have too, and by the session of the job: its
    leader may be dead, but must not have been waited for yet, lest its number is another's.
    """
    while found := list(_belongings(mark, session)):
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.01)


def _belongings(mark: Mapping[str, str], session: int | None) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if os.getsid(process.pid) == session or mark.items() <= process.environ().items():
                yield process
