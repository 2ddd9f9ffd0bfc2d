"""What client and nursery say to each other over their socket.

The client sends a JSON object behind its length, in four bytes, and with it its standard streams; where the nursery
takes that, it answers with one byte. Then the client sends a byte for each signal that it gets, and the nursery two
bytes once the fork has ended: how (0 exited, 1 was killed), and with which status or by which signal. Whoever finds the
other one gone knows what to do.
"""

import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass

_LENGTH = struct.Struct("!I")
_STREAMS = (0, 1, 2)
ACCEPTED = b"+"


@dataclass(frozen=True)
class Order:
    """A worker's arguments, working folder and environment."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]

    def send(self, to: socket.socket, streams: Sequence[int] = _STREAMS) -> None:
        content = json.dumps(asdict(self)).encode()
        socket.send_fds(to, [_LENGTH.pack(len(content))], list(streams))
        to.sendall(content)

    @classmethod
    def receive(cls, client: socket.socket) -> tuple["Order", list[int]]:
        """And its streams. Raises OSError where the client is gone."""
        head, streams, _, _ = socket.recv_fds(client, _LENGTH.size, len(_STREAMS))
        (length,) = _LENGTH.unpack(head + _exactly(client, _LENGTH.size - len(head)))
        return cls(**json.loads(_exactly(client, length))), list(streams)


def _exactly(client: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        part = client.recv(size - len(content))
        if not part:
            raise ConnectionResetError
        content += part
    return content
