"""Log: what the nodes print, in one stream, kept in pieces."""

from pathlib import Path

# The dashboard hands out whole files: whoever follows a log asks for its last piece alone.
PIECE = 1 << 18
_KEPT = 4096


class Log:
    """Appends to `folder`/000000, 000001 and so on, each but the last of PIECE bytes."""

    def __init__(self, folder: Path, nodes: int) -> None:
        self._folder = folder
        self._begun = [b""] * nodes
        self._last = b""
        folder.mkdir(parents=True, exist_ok=True)
        self._number = max((int(path.name) for path in folder.iterdir()), default=0)

    def add(self, node: int, data: bytes) -> None:
        """Of many nodes, whole lines; those of all but node 0 say whose they are."""
        if len(self._begun) == 1:
            self._write(data)
            return
        *lines, self._begun[node] = (self._begun[node] + data).split(b"\n")
        self._write(b"".join(_mark(node) + line + b"\n" for line in lines))

    def close(self) -> None:
        for node, line in enumerate(self._begun):
            if line:
                self._write(_mark(node) + line + b"\n")
        self._begun = [b""] * len(self._begun)

    def last_words(self) -> str:
        """The last line that says anything."""
        lines = self._last.decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _write(self, data: bytes) -> None:
        self._last = (self._last + data)[-_KEPT:]
        while data:
            with (self._folder / f"{self._number:06}").open("ab") as piece:
                room = PIECE - piece.tell()
                piece.write(data[:room])
            data = data[room:]
            if data:
                self._number += 1


def _mark(node: int) -> bytes:
    return b"[node %d] " % node if node else b""
