"""Mirror: a copy of a folder's files elsewhere, kept up to date while a job writes them."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_State = tuple[int, int, int]
# What whoever writes it will give another name once it is whole.
_UNFINISHED = re.compile(r"\.(part-.*|.*\.(part|tmp))")


class Mirror:
    """Of the files below `source`, those below `target`; what is a link there is a file or folder here.

    A file appears in one step, and is whole whenever it is looked at. At the top of the folder, names with a dot before
    them and those of `left_out` stay behind. `parts` is a folder for what is on its way, best on the target's disk.
    """

    def __init__(self, source: Path, target: Path, parts: Path, left_out: frozenset[str] = frozenset()) -> None:
        self._source, self._target, self._parts, self._left_out = source, target, parts, left_out
        self._copied: dict[str, _State] = {}
        self._gone: set[str] = set()
        self._warned = False

    def assume(self) -> None:
        """What is below the source now is below the target too."""
        self._copied = {name: _state(path.stat()) for name, path in files_below(self._source) if self._wanted(name)}

    def sweep(self, *, last: bool = False) -> bool:
        """Copy what is new or has changed, and remove what is gone. Whether the target now is as the source was.

        What cannot be written is warned of, once until it can be. What is gone is removed when it is missed for the
        second time (a folder may be about to be replaced), or the last; and never before all that is there is copied.
        """
        complete, there = True, set()
        try:
            files = sorted(files_below(self._source), key=_urgency)
        except OSError as error:
            self._warn(error)
            return False
        for name, path in files:
            if not self._wanted(name):
                continue
            try:
                source = path.open("rb")
            except FileNotFoundError:
                complete = False
                continue
            there.add(name)
            try:
                with source:
                    self._bring(name, source)
            except OSError as error:
                complete = False
                self._warn(error)
        gone = set(self._copied) - there
        if complete:
            self._warned = False
            for name in gone if last else gone & self._gone:
                self._remove(name)
        self._gone = gone
        return complete

    def _wanted(self, name: str) -> bool:
        top = name.partition("/")[0]
        return not top.startswith(".") and top not in self._left_out

    def _bring(self, name: str, source: BinaryIO) -> None:
        state = _state(os.fstat(source.fileno()))
        if self._copied.get(name) == state:
            return
        self._parts.mkdir(parents=True, exist_ok=True)
        part, target = self._parts / str(os.getpid()), self._target / name
        with part.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.replace(target)
        except OSError:
            # A mount that cannot rename, or another disk. The service's own mounts store a file when it is closed.
            shutil.copyfile(part, target)
            part.unlink()
        self._copied[name] = state

    def _remove(self, name: str) -> None:
        target = self._target / name
        try:
            target.unlink(missing_ok=True)
            while (target := target.parent) != self._target:
                target.rmdir()
        except OSError:
            # A folder with others in it; or a file that stays, and is in nobody's way.
            pass
        del self._copied[name]

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            words = f"warning: {self._target} is not up to date, which is tried again: {error}"
            print(words, file=sys.stderr, flush=True)
        self._warned = True


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Regular files that are finished, by their path below it, links followed."""
    yield from _files(folder, "", (os.path.realpath(folder),))


def _files(folder: Path, prefix: str, above: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        path = folder / entry.name
        if _UNFINISHED.fullmatch(entry.name):
            continue
        if entry.is_dir():
            real = os.path.realpath(path)
            # A link to a folder that it is in has no end.
            if real not in above:
                yield from _files(path, f"{prefix}{entry.name}/", (*above, real))
        elif entry.is_file():
            yield f"{prefix}{entry.name}", path


def _urgency(file: tuple[str, Path]) -> tuple[int, list[int]]:
    """The journal first; then checkpoints, the newest first: the oldest may be removed while it is copied."""
    name = file[0]
    if name == "journal.jsonl":
        return 0, []
    return (1, [-ord(letter) for letter in name]) if name.startswith("checkpoints/") else (2, list(map(ord, name)))


def _state(told: os.stat_result) -> _State:
    return told.st_size, told.st_mtime_ns, told.st_ino
