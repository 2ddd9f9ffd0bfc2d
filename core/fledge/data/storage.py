"""What a person is told when the disk refuses a write."""

import errno
import shutil
from pathlib import Path

from fledge.errors import DataError

# A quota and a limit on the size of files are full disks to whoever meets them; Windows knows no quota by this name.
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def megabytes(size: int) -> str:
    """For people: "0.4 MB", "46 MB"."""
    return f"{size / 1e6:.2g} MB" if size < 10e6 else f"{size / 1e6:,.0f} MB"


def storage_error(error: OSError, doing: str, folder: Path, needed: int | None) -> DataError:
    """Says what could not be written and why; where there is no room, how much is needed (bytes) and where."""
    if error.errno not in _FULL:
        return DataError(
            f"{doing}: {error.filename or folder}: {error.strerror or error}",
            hint=f"{folder} must be a folder that you may write to",
        )
    need = "more is needed than there is" if needed is None else f"{megabytes(needed)} are needed"
    try:
        free = f" ({megabytes(shutil.disk_usage(folder).free)} are free)"
    except OSError:
        free = ""
    return DataError(
        f"{doing}: no room in {folder}: {need}{free}",
        hint="make room there and try again, or move the cache to another disk: XDG_CACHE_HOME=DIR",
    )
