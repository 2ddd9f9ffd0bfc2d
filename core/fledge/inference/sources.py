"""Sources: the pictures that the words of a command mean."""

import glob
import io
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fledge.data.layout import plain_entries

STANDARD_INPUT = "-"
# No list of names has a byte 0 so early, and every picture has.
_HEAD = 64


@dataclass(frozen=True)
class Source:
    """name is what a person would call it; trouble, where it is known already, why there is no picture."""

    name: str
    content: bytes | None = None
    trouble: str | None = None

    def file(self) -> Path | BinaryIO:
        return Path(self.name) if self.content is None else io.BytesIO(self.content)


def sources(words: Iterable[str]) -> Iterator[Source]:
    """Files; folders, with all below them; patterns; and `-`: a picture, or names line by line. Lazily, in order."""
    for word in words:
        if word == STANDARD_INPUT:
            assert isinstance(sys.stdin.buffer, io.BufferedReader)
            yield from _standard_input(sys.stdin.buffer)
        else:
            yield from _named(word)


def _named(word: str) -> Iterator[Source]:
    if os.path.isdir(word):  # noqa: PTH112 -- a word may be no path at all (too long, a byte 0), which is False here
        yield from _below(Path(word))
    elif os.path.lexists(word) or not glob.has_magic(word):
        yield Source(word)
    else:
        found = False
        for path in sorted(glob.iglob(word, recursive=True)):  # noqa: PTH207 -- a pattern may be absolute
            if not Path(path).is_dir():
                found = True
                yield Source(path)
        if not found:
            yield Source(word, trouble="matches no file")


def _below(folder: Path) -> Iterator[Source]:
    """Everything below a folder that is not hidden, one folder after another."""
    found, seen, waiting = False, {folder.resolve()}, [folder]
    while waiting:
        here = waiting.pop()
        try:
            folders, files = plain_entries(here)
        except OSError as error:
            yield Source(str(here), trouble=f"cannot be looked into: {error.strerror}")
            continue
        for name in files:
            found = True
            path = here / name
            # Opening a named pipe would wait for somebody to write into it.
            odd = path.exists() and not path.is_file()
            yield Source(str(path), trouble="is not a regular file" if odd else None)
        for inner in (here / name for name in reversed(folders)):
            # A link back up would never end.
            if inner.resolve() not in seen:
                seen.add(inner.resolve())
                waiting.append(inner)
    if not found:
        yield Source(str(folder), trouble="holds no file")


def _standard_input(stream: io.BufferedReader) -> Iterator[Source]:
    head = stream.peek(_HEAD)[:_HEAD]
    if not head:
        yield Source(STANDARD_INPUT, trouble="brings nothing")
    elif b"\0" in head:
        yield Source(STANDARD_INPUT, content=stream.read())
    else:
        for line in stream:
            if name := os.fsdecode(line.rstrip(b"\r\n")):
                yield from _named(name)
