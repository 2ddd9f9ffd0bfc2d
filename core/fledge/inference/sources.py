"""Sources: the pictures that the words of a command mean."""

import glob
import io
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fledge.errors import DataError
from fledge.inference.folders import below
from fledge.inference.patterns import matching
from fledge.inference.standard_input import arrived

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Source:
    """name is what a person would call it; trouble, where it is known already, why there is no picture."""

    name: str
    content: bytes | None = None
    trouble: str | None = None

    def file(self) -> Path | BinaryIO:
        return Path(self.name) if self.content is None else io.BytesIO(self.content)

    def size(self) -> int:
        """In bytes. Raises OSError."""
        return Path(self.name).stat().st_size if self.content is None else len(self.content)


def sources(words: Iterable[str]) -> Iterator[Source]:
    """Files; folders, with all below them; patterns; and `-`: a picture, or names line by line. Lazily, in order."""
    for word in words:
        yield from _standard_input() if word == STANDARD_INPUT else _named(word)


def _named(word: str) -> Iterator[Source]:
    if os.path.isdir(word):  # noqa: PTH112 -- a word may be no path at all (too long, a byte 0), which is False here
        yield from _within(Path(word))
    elif os.path.lexists(word) or not glob.has_magic(word):
        yield _file(word)
    elif found := matching(word):
        yield from map(_file, found)
    else:
        yield Source(word, trouble="matches no file")


def _within(folder: Path) -> Iterator[Source]:
    found = False
    for here, names, error in below(folder):
        if error is not None:
            found = True
            yield Source(str(here), trouble=f"cannot be looked into: {error.strerror}")
        for name in names:
            found = True
            yield _file(str(here / name))
    if not found:
        yield Source(str(folder), trouble="holds no file")


def _file(name: str) -> Source:
    # Opening a named pipe would wait for somebody to write into it.
    odd = os.path.exists(name) and not os.path.isfile(name)  # noqa: PTH110, PTH113 -- as above
    return Source(name, trouble="is not a regular file; a picture can come by standard input, as -" if odd else None)


def _standard_input() -> Iterator[Source]:
    if sys.stdin is None:
        yield Source(STANDARD_INPUT, trouble="is closed: there is no standard input")
        return
    assert isinstance(sys.stdin.buffer, io.BufferedReader)
    some = False
    try:
        found = arrived(sys.stdin.buffer)
        if isinstance(found, bytes):
            some = True
            yield Source(STANDARD_INPUT, content=found)
        else:
            for name in found:
                some = True
                yield from _named(name)
    except DataError as error:
        some = True
        yield Source(STANDARD_INPUT, trouble=str(error))
    except OSError as error:
        some = True
        yield Source(STANDARD_INPUT, trouble=f"cannot be read: {error.strerror}")
    if not some:
        yield Source(STANDARD_INPUT, trouble="brings nothing")
