"""The wire: JSON objects, one a line; bytes within them are base64. The client asks, the server answers, in turns."""

import base64
import json
import os
import sys
from collections.abc import Mapping
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from fledge import UsageError

# What one line carries of a file or a log, in bytes.
CHUNK = 1 << 20
# The kernel keeps 108 bytes for a path (macOS 104), and the last is a zero.
_LONGEST = 107 if sys.platform == "linux" else 103


def address(path: Path) -> str:
    """Raises UsageError for a path that no Unix socket can have."""
    size = len(os.fsencode(path))
    if size > _LONGEST:
        raise UsageError(
            f"a Unix socket's path has {_LONGEST} bytes at most, and this one has {size}: {path}",
            hint="choose a shorter one for both, the server and its clients: /tmp/acme.sock",
        )
    return str(path)


def send(stream: BufferedIOBase, message: Mapping[str, Any]) -> None:
    stream.write(json.dumps(message).encode() + b"\n")
    stream.flush()


def receive(stream: BufferedIOBase) -> dict[str, Any] | None:
    """None where the other side has gone, be it within a line. Raises ValueError for what is no JSON object."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"not a JSON object: {line[:40]!r}")
    return message


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unpacked(text: str) -> bytes:
    return base64.b64decode(text)
