"""PartFile: the beginning of a download, and which version of the remote file it is a beginning of."""

import hashlib
import json
import os
from pathlib import Path

from fledge.atomic import sync_folder, write_atomic


class PartFile:
    """`<target>.part`, with a note beside it that survives a kill. One process at a time.

    validator: the ETag or date that the server gave the file, None where it gave none
    total:     size of the whole file in bytes, None while unknown
    """

    def __init__(self, target: Path, url: str) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        # Addresses may carry secrets, which must not lie about in a cache.
        self._key = hashlib.sha256(url.encode()).hexdigest()
        self.validator: str | None = None
        self.total: int | None = None
        if not self._recall():
            self.discard()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def whole(self) -> bool:
        return self.total is not None and self.size == self.total

    def begin(self, validator: str | None, total: int | None) -> None:
        """Empty, for another version of the file."""
        # In this order, because bytes of one version beside the note of another would be joined to it later.
        self.discard()
        self.validator, self.total = validator, total
        write_atomic(self._note, json.dumps({"url": self._key, "validator": validator, "total": total}))
        self.path.touch()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.validator = self.total = None

    def settle(self) -> None:
        """The target appears, complete."""
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        self.path.replace(self.target)
        self._note.unlink(missing_ok=True)
        sync_folder(self.target.parent)

    def _recall(self) -> bool:
        try:
            note = json.loads(self._note.read_text())
            if note["url"] != self._key:
                return False
            self.validator, self.total = note["validator"], note["total"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        # Without a validator nobody can tell whether the rest still belongs to this beginning.
        return self.validator is not None and (self.total is None or self.size <= self.total)
