"""The source that a run was made of, kept in its folder, from which it can be submitted again."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from fledge.errors import RunError
from fledge.interfaces.job import Snapshot, SourceFile

FOLDER = "code"


def keep(snapshot: Snapshot, run: Path) -> Snapshot:
    """Copy it below the run's folder; returns the copy. Raises RunError where there is no room.

    Of data, which may be large, a second name of each file is kept instead where the disk has such.
    """
    copies = _below(run, {file.target: file.size for file in snapshot.files}, snapshot.left_out)
    data = frozenset(snapshot.data)
    try:
        for file, copy in zip(snapshot.files, copies.files, strict=True):
            copy.source.parent.mkdir(parents=True, exist_ok=True)
            if file not in data or not _linked(file.source, copy.source):
                shutil.copy(file.source, copy.source)
    except OSError as error:
        raise RunError(
            f"the run cannot be started: {error.filename or run}: {error.strerror}",
            hint="make room there, or name another place with FLEDGE_HOME",
        ) from None
    return copies


def _linked(source: Path, copy: Path) -> bool:
    try:
        copy.unlink(missing_ok=True)
        copy.hardlink_to(source.resolve())
    except OSError:
        # Another disk, or one that knows no second names.
        return False
    return True


def kept(run: Path, sizes: Mapping[str, int], left_out: Mapping[str, int]) -> Snapshot:
    """What `keep` returned, from its files' sizes in bytes. Raises RunError where one is missing."""
    found = _below(run, sizes, left_out)
    missing = [file.target for file in found.files if not file.source.is_file()]
    if missing:
        raise RunError(
            f"the run's copy of its source lacks {missing[0]}, so it cannot go on",
            hint=f"start it again as a new run: fledge run {run / 'spec.toml'}",
        )
    return found


def _below(run: Path, sizes: Mapping[str, int], left_out: Mapping[str, int]) -> Snapshot:
    return Snapshot(tuple(SourceFile(run / FOLDER / name, name, size) for name, size in sizes.items()), left_out)
