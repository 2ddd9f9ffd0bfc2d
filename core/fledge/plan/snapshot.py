"""The files a run takes along."""

import os
from collections import defaultdict
from pathlib import Path

from fledge.errors import DataError
from fledge.interfaces.job import Snapshot, SourceFile
from fledge.plan.ignore import IgnoreRules

MAX_BYTES = 1 << 30
_NAMED = 20
# What stays behind by the reason for it: paths, a folder's with a slash at its end.
_Behind = defaultdict[str, list[str]]


def snapshot(folder: Path, home: Path) -> Snapshot:
    """The source files below a folder, less what its ignore file names, what never travels, and fledge's home.

    Links to files travel as the files they name; links to folders stay behind. Raises DataError
    above one gibibyte, naming the largest files: photographs do not belong in a source snapshot.
    """
    rules = IgnoreRules(folder, home)
    behind = _Behind(list)
    files = _walk(folder, "", rules, behind)
    taken = Snapshot(
        tuple(sorted(files, key=lambda file: file.target)),
        {reason: len(paths) for reason, paths in behind.items()},
        {reason: tuple(paths[:_NAMED]) for reason, paths in behind.items()},
    )
    if taken.size > MAX_BYTES:
        largest = sorted(taken.files, key=lambda file: -file.size)[:5]
        raise DataError(
            f"the source folder {folder} holds {taken.size / 1e9:.1f} GB, and at most "
            f"{MAX_BYTES / 1e9:.1f} GB travel with a run; the largest files: "
            + ", ".join(f"{file.target} ({file.size / 1e6:.0f} MB)" for file in largest),
            hint="name what should stay behind in a .fledgeignore file there, written like a .gitignore",
        )
    return taken


def package(source: Path, home: Path) -> Snapshot:
    """A Python package's source files, below a folder of the package's name; or a module's one file."""
    if source.is_file():
        return Snapshot((SourceFile(source, source.name, source.stat().st_size),))
    # Seen from the folder above: at the top, outputs/ and logs/ are a run's; a package may well have its own.
    return Snapshot(tuple(_walk(source, f"{source.name}/", IgnoreRules(source, home), _Behind(list))))


def _walk(folder: Path, prefix: str, rules: IgnoreRules, behind: _Behind) -> list[SourceFile]:
    found = []
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"the source folder {folder} cannot be read: {error.strerror}") from None
    for entry in entries:
        path = prefix + entry.name
        try:
            is_folder = entry.is_dir()
        except OSError:
            is_folder = False  # a link that leads to itself
        reason = rules.reason(path, folder=is_folder) or _unfit(entry, is_folder, rules)
        if reason:
            behind[reason].append(path + "/" if is_folder else path)
        elif is_folder:
            found += _walk(Path(entry.path), path + "/", rules, behind)
        else:
            found.append(SourceFile(Path(entry.path), path, entry.stat().st_size))
    return found


def _unfit(entry: os.DirEntry[str], is_folder: bool, rules: IgnoreRules) -> str | None:
    if is_folder and entry.is_symlink():
        return "links to folders"
    if entry.is_symlink() and (hidden := rules.reason(Path(os.path.realpath(entry.path)).name, folder=False)):
        return f"links to {hidden}"
    if is_folder and (Path(entry.path) / "pyvenv.cfg").exists():
        return "virtual environments"
    if not is_folder and not Path(entry.path).is_file():
        return "neither files nor folders"
    return None
