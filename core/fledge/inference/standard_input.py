"""What comes by standard input: one picture, or the names of pictures."""

import io
import os
import re
from collections.abc import Iterator

from fledge.errors import DataError

# What is looked at before it is decided.
_HEAD = 64
# Beginnings of pictures without a control character in them; that of a PNM is text, and so may a name be.
_PICTURE = re.compile(
    rb"\xff\xd8\xff|GIF8[79]a.{0,6}\0|BM.{4}\0{4}|II[*+]\0|MM\0[*+]|RIFF.{4}WEBP|.{4}ftyp"
    rb"|P[1-7fF]\s+(#|\d+\s)|#define\s+\S+_width\s|/\* XPM \*/|%!PS",
    re.DOTALL,
)
_CONTROL = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
# The pixels of the largest that Pillow decodes are no more.
_MOST_BYTES = 512 * 1024 * 1024
_CHUNK = _LONGEST = 64 * 1024


def arrived(stream: io.BufferedReader) -> bytes | Iterator[str]:
    """The picture, whole; or the names as they come, each ended by a line's end or, where there is one, by a byte 0.

    Raises DataError for a picture of more than 512 MiB, and while it goes through them for a name of more than 64 KiB.
    """
    head, ended = b"", False
    # A terminal's end is told once: after it, more may be typed.
    while len(head) < _HEAD and not ended:
        more = stream.read1(_CHUNK)
        head, ended = head + more, not more
    if not (_PICTURE.match(head) or _CONTROL.search(head[:_HEAD])):
        return _names(head, stream, ended)
    content = head + stream.read(max(0, _MOST_BYTES + 1 - len(head)))
    if len(content) > _MOST_BYTES:
        raise DataError(f"is larger than {_MOST_BYTES:,} bytes: name it as a file, or make it smaller")
    return content


def _names(come: bytes, stream: io.BufferedReader, ended: bool) -> Iterator[str]:
    separator = None
    while True:
        if separator is None and (b"\n" in come or b"\0" in come):
            separator = b"\0" if b"\0" in come else b"\n"
        *whole, come = come.split(separator or b"\n")
        if ended:
            whole.append(come)
        elif len(come) > _LONGEST:
            raise DataError(f"holds a name of more than {_LONGEST:,} bytes: a line's end, or a byte 0, ends a name")
        for name in whole:
            if name := name if separator == b"\0" else name.removesuffix(b"\r"):
                # As the system spells it: a file's name may be no text.
                yield os.fsdecode(name)
        if ended:
            return
        more = stream.read1(_CHUNK)
        come, ended = come + more, not more
