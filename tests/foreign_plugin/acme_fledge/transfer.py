"""Files between client and server, a piece at a time: neither holds a whole one in memory."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fledge import RunError, RunRef, SourceFile, replaced

from acme_fledge.client import Client
from acme_fledge.wire import CHUNK, packed, unpacked


def upload(server: Client, file: SourceFile) -> None:
    with file.source.open("rb") as source:
        mode, offset = os.fstat(source.fileno()).st_mode & 0o777, 0
        while True:
            # An empty file is one empty piece.
            data = source.read(CHUNK)
            server.ask("write", name=file.target, offset=offset, data=packed(data), mode=mode)
            offset += len(data)
            if len(data) < CHUNK:
                return


def download(server: Client, ref: RunRef, told: Mapping[str, Any], dest: Path) -> Path:
    """told: path, size and sha256, as `Runs.files` lists it. What is there already with that content stays."""
    target: Path = dest / told["path"]
    if _is(target, told):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with replaced(target) as part, part.open("wb") as file:
        digest, offset = hashlib.sha256(), 0
        while offset < told["size"]:
            size = min(CHUNK, told["size"] - offset)
            data = unpacked(server.ask_of("read", ref, path=told["path"], offset=offset, size=size)["data"])
            if not data:
                break
            digest.update(data)
            file.write(data)
            offset += len(data)
        if digest.hexdigest() != told["sha256"]:
            # It was replaced on the way; the next attempt begins with a new list.
            raise RunError(f"{told['path']} of run {ref.key} changed while it was fetched", transient=True)
    return target


def _is(target: Path, told: Mapping[str, Any]) -> bool:
    if not target.is_file() or target.stat().st_size != told["size"]:
        return False
    with target.open("rb") as file:
        return bool(hashlib.file_digest(file, "sha256").hexdigest() == told["sha256"])
