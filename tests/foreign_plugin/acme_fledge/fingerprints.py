"""The fingerprints of an archive's photographs: every byte is read once, and what was found is kept in the cache."""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from fledge import DataError, Progress, write_atomic

_NAMED = 20


def fingerprints(archive: Path, names: Sequence[str], cache: Path, progress: Progress) -> dict[str, str]:
    """SHA-256 by name. Raises DataError naming every member that cannot be read."""
    folder = cache / "zip-photos"
    index = folder / f"{hashlib.sha256(str(archive).encode()).hexdigest()[:16]}.json"
    state = archive.stat()
    stamp = [state.st_size, state.st_mtime_ns]
    known = _kept(index, stamp)
    if known.keys() >= set(names):
        return known
    found = _read(archive, names, progress)
    try:
        folder.mkdir(exist_ok=True)
        write_atomic(index, json.dumps({"archive": stamp, "photos": found}))
    except OSError as error:
        raise DataError(
            f"{error.filename or folder}: {error.strerror}", hint="name another cache: XDG_CACHE_HOME=DIR"
        ) from None
    return found


def _kept(index: Path, stamp: list[int]) -> dict[str, str]:
    """Empty where nothing is, or of an archive that has changed since."""
    try:
        told = json.loads(index.read_text())
        return dict(told["photos"]) if told["archive"] == stamp else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _read(archive: Path, names: Sequence[str], progress: Progress) -> dict[str, str]:
    found: dict[str, str] = {}
    damaged: list[str] = []
    with zipfile.ZipFile(archive) as opened:
        for done, name in enumerate(names, 1):
            try:
                found[name] = hashlib.sha256(opened.read(name)).hexdigest()
            except Exception as error:  # noqa: BLE001 -- each way of packing has errors of its own
                damaged.append(f"{name}: {error}")
            progress("reading the archive", done, len(names), "photographs")
    if damaged:
        more = [f"and {len(damaged) - _NAMED} more"] if len(damaged) > _NAMED else []
        told = "".join(f"\n    {line}" for line in damaged[:_NAMED] + more)
        raise DataError(f"{len(damaged)} photographs in {archive} cannot be read:{told}", hint="pack it once more")
    return found
