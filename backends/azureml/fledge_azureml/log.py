"""Log: what a run's submissions printed, as one stream of bytes.

A submission's begins with what its rank 0 printed, as that grows. Once it has ended, there follow the lines of the
other ranks, each behind "[rank N] ", the last megabytes of each. Then comes the next submission's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fledge_azureml.blobs import Blobs
from fledge_azureml.facts import is_final
from fledge_azureml.workspace import Details, Workspace

CHUNK = 1 << 20
# Of each rank but the first: all of them are held at once.
_KEPT = 16 << 20
_FILE = re.compile(r"user_logs/std_log(?:_process_(\d+))?\.txt")


@dataclass(frozen=True)
class Ended:
    """A submission that has ended, and the length of its part of the log."""

    submission: str
    size: int


def begun(details: Details) -> bool:
    """Whether anything of the job itself has run."""
    return bool(_ranks(details.logs))


class Log:
    """Reads by way of a workspace; what ended ranks have printed is remembered for as long as this lives."""

    def __init__(self, workspace: Workspace, blobs: Blobs) -> None:
        self._workspace, self._blobs = workspace, blobs
        self._others: dict[str, bytes] = {}

    def read(self, earlier: Sequence[Ended], submission: str, cursor: int) -> bytes:
        """Some bytes from `cursor` on; empty where there are no more now."""
        for one in earlier:
            if cursor < one.size:
                return self._read(one.submission, cursor, min(CHUNK, one.size - cursor))
            cursor -= one.size
        return self._read(submission, cursor, CHUNK)

    def size(self, submission: str) -> int:
        """Of one that has ended."""
        details = self._workspace.details(submission)
        if details is None:
            return 0
        first, others = self._parts(submission, details)
        return self._length(first) + len(others)

    def _read(self, submission: str, begin: int, limit: int) -> bytes:
        details = self._workspace.details(submission)
        if details is None:
            return b""
        # Asked before reading: one that ends between the two is whole only at the next look.
        first = _ranks(details.logs).get(0)
        data = self._blobs.read(first, begin, limit) if first else b""
        if data or not is_final(details.status):
            return data
        first, others = self._parts(submission, details)
        length = self._length(first)
        if first and begin < length:
            # It has grown since it was asked.
            return self._blobs.read(first, begin, limit)
        return others[begin - length : begin - length + limit]

    def _parts(self, submission: str, details: Details) -> tuple[str | None, bytes]:
        """Where rank 0's file is, and the text of the others."""
        ranks = _ranks(details.logs)
        first = ranks.pop(0, None)
        if submission not in self._others:
            told = b"".join(self._other(rank, url) for rank, url in sorted(ranks.items()))
            length = self._length(first)
            if told and first and length and self._blobs.read(first, length - 1, 1) != b"\n":
                told = b"\n" + told
            self._others[submission] = told
        return first, self._others[submission]

    def _other(self, rank: int, url: str) -> bytes:
        left_out = max(0, self._length(url) - _KEPT)
        text = self._blobs.read(url, left_out)
        note = b"(the first %d bytes are not shown)\n" % left_out if left_out else b""
        return _marked(rank, note + text)

    def _length(self, url: str | None) -> int:
        version = self._blobs.version(url) if url else None
        return version.size if version else 0


def _ranks(logs: Mapping[str, str]) -> dict[int, str]:
    found = {_FILE.fullmatch(name): url for name, url in logs.items()}
    return {int(match[1] or 0): url for match, url in found.items() if match}


def _marked(rank: int, text: bytes) -> bytes:
    return b"".join(b"[rank %d] %s\n" % (rank, line) for line in text.splitlines())
