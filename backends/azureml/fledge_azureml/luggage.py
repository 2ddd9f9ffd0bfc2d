"""Luggage: what data sets and models read of this machine, brought into the workspace's blob store once, whichever runs
read it."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fledge import DATA_FOLDER, Progress, RunError, SourceFile, no_progress

from fledge_azureml.abreast import abreast
from fledge_azureml.workspace import Workspace

# Below it, a folder for each content.
_ROOT = "fledge/data"
_AT_ONCE = 8


class Luggage:
    """Remembers the contents of files that it has read, as long as they are as they were."""

    def __init__(self) -> None:
        self._digests: dict[tuple[int, ...], str] = {}

    def folder(self, files: Iterable[SourceFile]) -> str:
        """Of the blob store: that of just these files, of these names and contents. Empty where there are none.

        Raises RunError for one that cannot be read.
        """
        found = sorted(files, key=lambda file: file.target)
        if not found:
            return ""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            digests = pool.map(self._digest, [file.source for file in found])
        told = [f"{digest} {file.target}\n" for digest, file in zip(digests, found, strict=True)]
        return f"{_ROOT}/{_hash(''.join(told).encode())}"

    def bring(self, files: tuple[SourceFile, ...], workspace: Workspace, progress: Progress = no_progress) -> str:
        """Have each of them in `folder(files)`; returns it. One that is there is whole, and not sent again.

        May be interrupted at any moment. Raises RunError, transient where the same may go well later.
        """
        folder = self.folder(files)
        if not folder:
            return ""
        there = workspace.stored(f"{folder}/")
        missing = {file: path for file in files if (path := f"{folder}/{_below(file)}") not in there}
        total = sum(file.size for file in files)
        done = total - sum(file.size for file in missing)

        def send(file: SourceFile) -> None:
            content = _read(file.source)
            # Whoever has the same later would believe it.
            if _hash(content) != self._digest(file.source):
                raise RunError(f"{file.source} is being written just now", hint="run it again once it is whole")
            workspace.store(missing[file], content, anew=True)

        for file in abreast(send, missing, _AT_ONCE):
            done += file.size
            progress(f"bringing {len(files)} files", done, total, unit="bytes")
        return folder

    def _digest(self, source: Path) -> str:
        told = source.stat() if source.is_file() else None
        state = (told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns) if told else ()
        if state not in self._digests:
            self._digests[state] = _hash(_read(source))
        return self._digests[state]


def _below(file: SourceFile) -> str:
    return file.target.removeprefix(f"{DATA_FOLDER}/")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise RunError(f"{source}, which the run is to take along, cannot be read: {error.strerror}") from None
