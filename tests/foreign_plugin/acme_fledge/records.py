"""Records: small JSON files of one run's, beside the folder that is the job's."""

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fledge import write_atomic


def read(path: Path) -> dict[str, Any]:
    """Empty where there is no such file."""
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return told


def write(path: Path, told: Mapping[str, Any]) -> None:
    write_atomic(path, json.dumps(told))


def exit_file(records: Path, key: str) -> Path:
    return records / f"{key}.exit.json"


def is_kept(records: Path) -> bool:
    """Whether a keeper holds its lock, which the kernel lets go of whatever ends it."""
    try:
        with (records / "keeper.lock").open("r") as lock:
            # Shared: two that look at once must not take each other for a keeper.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
