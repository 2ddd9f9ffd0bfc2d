"""Luggage: what data sets and models read of this machine, brought into the workspace's blob store once, whichever runs
read it."""

import hashlib
from collections.abc import Mapping

from fledge import DATA_FOLDER, Progress, SourceFile, no_progress

from fledge_azureml.abreast import abreast
from fledge_azureml.checked import Checked
from fledge_azureml.workspace import Workspace

# Below it, a folder for each set of files.
_ROOT = "fledge/data"
_AT_ONCE = 8

_Files = tuple[SourceFile, ...]


def folder(files: _Files, progress: Progress = no_progress) -> str:
    """Of the blob store: that of just these files, of these names and contents. Reads what was not read before.

    Raises RunError for one that cannot be read.
    """
    return _named(_checked(files, progress))


def bring(files: _Files, workspace: Workspace, progress: Progress = no_progress) -> str:
    """Have each of them in `folder(files)`; returns it. One that is there is whole, and not sent again.

    May be interrupted at any moment. Raises RunError, transient where the same may go well later.
    """
    checked = _checked(files, progress)
    place = _named(checked)
    there = workspace.stored(f"{place}/")
    missing = {file: path for file in files if (path := f"{place}/{_below(file)}") not in there}

    def send(file: SourceFile) -> None:
        workspace.store(missing[file], checked[file], anew=True)

    done = sum(file.size for file in files if file not in missing)
    total = sum(file.size for file in files)
    words = f"bringing {_many(files)} to the workspace"
    progress(words, done, total, unit="bytes")
    for file in abreast(send, missing, _AT_ONCE):
        done += file.size
        progress(words, done, total, unit="bytes")
    return place


def is_whole(place: str, files: _Files, workspace: Workspace) -> bool:
    """Whether files of these names are all in that folder of the blob store."""
    there = workspace.stored(f"{place}/")
    return all(f"{place}/{_below(file)}" in there for file in files)


def _checked(files: _Files, progress: Progress) -> dict[SourceFile, Checked]:
    found: dict[SourceFile, Checked] = {}

    def check(file: SourceFile) -> None:
        found[file] = Checked(file.source)

    for done, _ in enumerate(abreast(check, files, _AT_ONCE), start=1):
        progress("reading what the run takes along", done, len(files))
    return found


def _named(checked: Mapping[SourceFile, Checked]) -> str:
    lines = sorted(f"{file.target} {one.sha256}\n" for file, one in checked.items())
    return f"{_ROOT}/{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _below(file: SourceFile) -> str:
    return file.target.removeprefix(f"{DATA_FOLDER}/")


def _many(files: _Files) -> str:
    return f"{len(files)} files" if len(files) > 1 else "a file"
